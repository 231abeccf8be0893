"""The places that a person keeps in a list to fetch models from, and what each had when it was added."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cortex.core.errors import BadRequest, CortexError, NotFound
from cortex.models.catalogue import Catalogue, builtin
from cortex.models.choices import held
from cortex.models.lock import locked
from cortex.models.names import CORTEX, Family, Repo, meaning

CATALOGUE = "catalogue"


class Repositories:
    """Kept in the data folder `folder`. `token` gives the one that Hugging Face is asked with."""

    def __init__(self, folder: Path, token: Callable[[], str], *, catalogue: Catalogue | None = None) -> None:
        self._file, self._token, self._catalogue = folder / "sources.json", token, catalogue or builtin()

    def list(self) -> list[dict[str, Any]]:
        return [self._builtin(), *self._kept()]

    def get(self, source: str) -> dict[str, Any]:
        """The one of this name, or `NotFound`."""
        rows = {row["id"]: row for row in self.list()}
        found = rows.get(source) or rows.get(name(source))
        if found is None:
            raise NotFound(f"there is no source {source}", param="source", code="source_not_found")
        return found

    def add(self, source: str) -> None:
        """Raises `BadRequest`, or `Unreachable` where the repository cannot be asked or has no models."""
        if source == CATALOGUE:
            raise BadRequest(f"{CATALOGUE} is built in", param="source")
        id, found = name(source), held(repository(source), catalogue=self._catalogue, token=self._token())
        models = [{"id": item.id, "size": item.size} for item in found.items]
        with locked(self._file.with_suffix(".lock")):
            rows = [row for row in self._kept() if row["id"] != id]
            self._write([*rows, {"id": id, "author": id.partition("/")[0], "models": models, "metadata": {}}])

    def remove(self, source: str) -> None:
        id = self.get(source)["id"]
        if id == CATALOGUE:
            raise BadRequest(f"{CATALOGUE} is built in, and cannot be removed", param="source")
        with locked(self._file.with_suffix(".lock")):
            self._write([row for row in self._kept() if row["id"] != id])

    def _builtin(self) -> dict[str, Any]:
        models = [{"id": entry.id, "size": entry.size} for entry in self._catalogue.entries.values()]
        return {"id": CATALOGUE, "author": "cortex", "models": models, "metadata": {}}

    def _kept(self) -> Sequence[dict[str, Any]]:
        try:
            rows: list[dict[str, Any]] = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise CortexError(
                f"{self._file} cannot be understood: {error}; delete it, and add the sources anew"
            ) from error
        return rows

    def _write(self, rows: Sequence[dict[str, Any]]) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(rows, indent=1), encoding="utf-8")
        new.replace(self._file)


def name(source: str) -> str:
    """The one name of a repository that may be written in several ways. `BadRequest` for what is none."""
    match repository(source):
        case Family(family):
            return f"{CORTEX}/{family}"
        case Repo(repo):
            return repo


def repository(source: str) -> Family | Repo:
    """The repository that is named so, or by its address. `BadRequest` for what means anything else."""
    with suppress(BadRequest):
        match meaning(source, Catalogue({})):
            case Family() | Repo(quantisation="", revision="main") as found:
                return found
    raise BadRequest(f"source must be author/Repo of Hugging Face, or its address, not {source!r:.200}", param="source")
