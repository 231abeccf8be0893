"""The rows of `cortex models list`: what is here, and what the catalogue and the kept sources could bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cortex.cli import show
from cortex.cli.state import State
from cortex.core.errors import CortexError

if TYPE_CHECKING:
    from cortex.models.catalogue import Entry
    from cortex.models.store import Model, Store

ENGINE = "llama-cpp"


@dataclass(frozen=True, slots=True)
class Card:
    """`status` is the original's word: `downloaded` or `downloadable`. `memory` is in bytes, 0 where unknown."""

    id: str
    status: str
    engine: str = ENGINE
    version: str = "1"
    size: int = 0
    memory: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)

    def cell(self, column: str) -> str:
        """The text of one of the columns that can be asked for."""
        need = show.size(self.memory) if self.memory else "unknown"
        return {
            "Engine": self.engine,
            "Version": self.version,
            "CPU Mode": f"RAM: {need}",
            "GPU Mode": f"VRAM: {need}",
            "Status": self.status,
        }[column]

    def shown(self) -> dict[str, Any]:
        """JSON-ready."""
        own = {"id": self.id, "status": self.status, "engine": self.engine, "version": self.version}
        return {**own, "size": self.size, "memory": self.memory, **self.more}


def cards(state: State, *, filter: str = "", available: bool = False, memory: bool = False) -> list[Card]:
    """Those on this machine whose ids contain `filter`, then, if `available`, those that are not here.

    `memory`: with what each would take; its file's header is read for that.
    """
    store = state.store()
    found = [_local(store, model, memory=memory) for model in store.list() if _fits(model.id, filter)]
    if available:
        known = {card.id: card for card in reversed([*found, *_available(state)]) if _fits(card.id, filter)}
        found = sorted(known.values(), key=lambda card: (card.status != "downloaded", card.id))
    return found


def _fits(id: str, filter: str) -> bool:
    return filter.lower() in id.lower()


def _local(store: Store, model: Model, *, memory: bool) -> Card:
    engine = str(model.settings.get("engine", ENGINE))
    more = {"files": [str(path) for path in model.files], "source": model.source, "created": model.created}
    return Card(
        model.id, "downloaded", {"llama": ENGINE}.get(engine, engine), size=model.size,
        memory=_need(store, model) if memory else 0, more={**more, "aliases": list(model.aliases), **model.settings},
    )  # fmt: skip


def _need(store: Store, model: Model) -> int:
    from cortex.models.open import opened

    try:
        return opened(store, model.id).need.total
    except CortexError:  # its file is gone or broken; `cortex doctor` says so
        return 0


def _available(state: State) -> Iterator[Card]:
    """What is not here; some of it twice, where a kept source has what the catalogue has."""
    from cortex.cli.sources import repositories
    from cortex.models.catalogue import builtin

    here = {model.id for model in state.store().list()}
    yield from (_offered(entry) for entry in builtin().entries.values() if entry.id not in here)
    for source in repositories(state).list():
        for model in source["models"]:
            if model["id"] not in here:
                yield Card(model["id"], "downloadable", size=model["size"], more={"source": source["id"]})


def _offered(entry: Entry) -> Card:
    more = {"about": entry.about, "licence": entry.licence, "context": entry.context, "dialect": entry.dialect}
    return Card(entry.id, "downloadable", size=entry.size, memory=entry.memory, more=more)
