"""The models that the original pulled into this data folder -> rows of our store. Changes none of its files.

The original kept them in the table `models` of the same database, and their settings in a `model.yml` each.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cortex.core.errors import BadRequest
from cortex.models import gguf, modelfile
from cortex.models.modelfile import Content

ROWS = "SELECT model_id, path_to_model_yaml, model_source FROM models WHERE status = 'downloaded'"


@dataclass(frozen=True, slots=True)
class Found:
    """`owned`: the file lies in the data folder, where the original had put it."""

    id: str
    path: Path
    size: int
    source: str
    settings: Mapping[str, Any]
    owned: bool
    modelfile: Path


def found(db: sqlite3.Connection, folder: Path) -> Iterator[Found]:
    """What the original left here and what can still be run. Whatever else is there is passed over."""
    try:
        rows = db.execute(ROWS).fetchall()
    except sqlite3.DatabaseError:  # there is no such table, or one of other columns
        return
    for id, described, source in rows:
        yml = folder / str(described)
        try:
            content = modelfile.read(yml)
            path = _file(folder, yml, content)
            header = gguf.read(path)
        except (OSError, modelfile.Broken, BadRequest):
            continue
        owned = path.is_relative_to(folder / "models") and "imported" not in Path(str(described)).parts
        settings = _meant(content.settings, header.blocks)
        yield Found(str(id), path, header.size, str(source or "the original Cortex"), settings, owned, yml)


def _file(folder: Path, yml: Path, content: Content) -> Path:
    return folder / content.files[0] if content.files else yml.with_name("model.gguf")


def _meant(settings: Mapping[str, Any], blocks: int) -> dict[str, Any]:
    """The settings that somebody chose. The original wrote its own guesses into every file, and took no more than 8192
    tokens of context whatever it said there."""
    guessed = {
        "ctx_len": settings.get("ctx_len", 0) > 8192,
        "max_tokens": settings.get("max_tokens", 0) >= settings.get("ctx_len", 8192),
        "ngl": settings.get("ngl", 0) > blocks,
        "n_parallel": settings.get("n_parallel") == 1,
    }
    return {key: value for key, value in settings.items() if not guessed.get(key)}
