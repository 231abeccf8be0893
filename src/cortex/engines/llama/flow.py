"""What runs in the KV cache and what holds it: flows of tokens, the sequences they run in, the chunks of one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cortex.engines.llama.guess import NOTHING, Tries


@dataclass(slots=True, eq=False)
class Flow:
    """Job `number`'s tokens, prompt and reply. `cached` of them were in the cache when it was first admitted.

    `draft` are tokens that may come next: they are decoded too where there is room, and `rewind` takes them back. A
    chunk ends at each of the `marks` (counts of tokens): its state is copied there. From position `wanted` on (None:
    only at the end) all logits are wanted: what the cache has of them is decoded anew.
    """

    number: int
    tokens: list[int]
    draft: Tries = NOTHING
    wanted: int | None = None
    age: int = 0  # the smaller the older
    lane: Lane | None = None
    settled: bool = False  # everything before the newest tokens is decoded: it is a running stream
    cached: int | None = None
    marks: list[int] = field(default_factory=list)

    @property
    def pending(self) -> int:
        """How many of its tokens are not decoded yet."""
        return len(self.tokens) - (len(self.lane.tokens) if self.lane else 0)


@dataclass(slots=True, eq=False)
class Lane:
    """One sequence of the KV cache: the tokens it holds, their cells, and the flow that runs in it.

    `asked` is how many tokens its last flow began with, `tail` what that said and had not decoded when it ended: the
    next turn of a chat goes on behind it.
    """

    id: int
    tokens: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    flow: Flow | None = None
    used: int = 0
    asked: int = 0
    tail: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens to decode in this step, from position `start` of their sequence on. `last`: nothing is pending after.

    Then `draft` is decoded behind them. `rows`: the logits of all its tokens are wanted.
    """

    flow: Flow
    lane: int
    start: int
    tokens: Sequence[int]
    last: bool
    draft: Tries = NOTHING
    rows: bool = False

    @property
    def all(self) -> list[int]:
        return [*self.tokens, *self.draft.tokens]
