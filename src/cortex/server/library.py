"""The models that are kept on this machine, for the routes: what the store does, off the event loop. Runs no model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from cortex.core.errors import CortexError, LoadError
from cortex.models import importing
from cortex.models.describe import describe
from cortex.models.store import Model, Store

P = ParamSpec("P")
T = TypeVar("T")


class Library:
    def __init__(self, store: Store) -> None:
        self.store = store

    async def describe(self, id: str) -> dict[str, Any]:
        """All that is known of the model with exactly this id; what its file says, if that can be read."""
        return await off(self._described, id)

    def _described(self, id: str) -> dict[str, Any]:
        model = self.store.get(id)
        try:
            return describe(model)
        except CortexError as error:  # its file is gone or broken; the rest is known all the same
            return dict(model.settings) | {"size": model.size, "source": model.source, "notes": [error.message]}

    async def update(self, id: str, changes: Mapping[str, Any]) -> Model:
        """Raises `BadRequest` for what is no setting."""
        return await off(self.store.update, id, changes)

    async def delete(self, id: str) -> Model:
        """Takes it out, and removes the files that are ours. It must have been stopped."""
        return await off(self.store.delete, id)

    async def add(self, id: str, path: Path, *, copy: bool = False) -> Model:
        """A file of this machine becomes a model; `copy` gives it a file of its own in the data folder."""
        return await off(importing.add, self.store, id, path, copy=copy)


async def off(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of work that waits for disks or networks, in a thread. What the machine refuses is told in words."""
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        raise LoadError(f"the machine refuses: {error}", code="machine_refused") from error
