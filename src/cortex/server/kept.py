"""Responses that were made, so that another can go on from them: in memory only, and only so many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cortex.server.wire.body import encode
from cortex.server.wire.items import Item

MOST: Final = 1000
BYTES: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Kept:
    """`before` are the items of the conversation that it went on with, `items` those of its own request."""

    response: Mapping[str, Any]
    before: tuple[Item, ...]
    items: tuple[Item, ...]

    @property
    def input(self) -> tuple[Item, ...]:
        return self.before + self.items

    @property
    def output(self) -> Sequence[Item]:
        return tuple(self.response["output"])


class Memory:
    """At most `most` responses, of at most so many `bytes` as JSON, each counted without what came before it. Those
    used longest ago are forgotten first."""

    def __init__(self, most: int = MOST, bytes: int = BYTES) -> None:
        self._most, self._bytes = most, bytes
        self._kept: OrderedDict[str, tuple[Kept, int]] = OrderedDict()

    def put(self, kept: Kept) -> None:
        size = len(encode([kept.response, kept.items]))
        self._kept[kept.response["id"]] = kept, size
        while len(self._kept) > self._most or sum(size for _, size in self._kept.values()) > self._bytes:
            self._kept.popitem(last=False)

    def get(self, id: str) -> Kept | None:
        if id not in self._kept:
            return None
        self._kept.move_to_end(id)
        return self._kept[id][0]

    def drop(self, id: str) -> bool:
        """False where it was not there."""
        return self._kept.pop(id, None) is not None

    def conversation(self, id: str) -> Sequence[Item] | None:
        """All items up to the end of this response."""
        found = self.get(id)
        return None if found is None else (*found.input, *found.output)

    def item(self, id: str) -> Item | None:
        """The item with this id, of any of the responses or their requests."""
        every = (item for kept, _ in self._kept.values() for item in (*kept.items, *kept.output))
        return next((item for item in every if item["id"] == id), None)
