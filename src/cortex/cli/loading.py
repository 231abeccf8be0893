"""Asks the server to load a model and shows how far it is. Never loads one itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from cortex.cli import progress, show
from cortex.cli.api import Api, Down, Refused, segment
from cortex.core.errors import CortexError

PAUSE = 0.25  # seconds between two looks at how far it is


def load(api: Api, id: str, options: Mapping[str, Any]) -> None:
    """Load the model `id` (`options` are fields of the request); returns when it answers. Ctrl-C gives the load up.

    Raises `CortexError` with the server's own words.
    """
    with progress.waiting(f"Loading {id}") as told, _watched(api, id, told):
        try:
            answer = api.call("POST", "/v1/models/start", {"model": id, **options}, patience=None)
        except Refused as error:
            raise CortexError(f"Failed to start model: {error.message}") from error
    if warning := answer.get("warning"):
        show.warn(f"Warning: {warning}")


@contextmanager
def _watched(api: Api, id: str, told: Callable[[float | None], None]) -> Iterator[None]:
    """Tell how far the load is, from a thread: this one waits for the answer, and so can be interrupted."""
    over = Event()

    def watch() -> None:
        while not over.wait(PAUSE):
            told(_fraction(api, id))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join(timeout=1)


def done(id: str) -> str:
    return f"{id} model started successfully. Use `cortex run {id}` for interactive chat shell"


def _fraction(api: Api, id: str) -> float | None:
    """How far it is; None where the server cannot tell."""
    try:
        done = api.call("GET", f"/v1/models/status/{segment(id)}", patience=2).get("progress")
    except (Refused, Down):  # not begun yet, or busy; the request that loads will say if it is more than that
        return None
    return float(done) if isinstance(done, int | float) else None
