"""What is kept of sequences beside the KV cache, and when it comes back: checkpoints in memory, prefixes on disk.

A model with a recurrent state cannot be cut back to where two prompts part. So copies of its state are taken on the
way through a prompt: shortly before its end, where the next turn goes on, and where it parts from an earlier prompt.
Pure policy; `Context` makes the copies.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cortex.engines.llama.flow import Chunk
from cortex.engines.llama.prefix import common
from cortex.engines.llama.shelf import Data, Shelf
from cortex.engines.llama.slots import Slots

WORTH: Final = 64  # tokens that a copy must save: one that saves fewer is not fetched
LEAST: Final = 256  # tokens of a prefix that is worth a file
MOST: Final = 8192  # tokens of it that are kept
TAIL: Final = 8  # tokens before a prompt's end that the next turn may write otherwise: an opened thought
POINTS: Final = 256 << 20  # bytes of checkpoints in memory
SEEN: Final = 16  # prompts that a new one is compared with


class States(Protocol):
    def state(self, lane: int, length: int, behind: int = 0) -> Data:
        """A copy of the cells of this sequence's first tokens, of those `behind` so many; of the whole, where it cannot
        be cut. Empty: no copy."""

    def restore(self, lane: int, state: Data, *, behind: bool = False) -> bool:
        """Put a copy into this sequence, which is empty, or ends where the copy begins (`behind`). False where it does
        not fit: the sequence stays as it was."""


@dataclass(frozen=True, slots=True)
class Point:
    """A model's state after these tokens."""

    tokens: list[int]
    state: Data


class Keeper:
    """`shelf` None keeps nothing on disk; only where the model cannot rewind are there checkpoints, of at most `points`
    bytes: those used longest ago go first."""

    def __init__(
        self, states: States, slots: Slots, shelf: Shelf | None, *, rewinds: bool, points: int = POINTS
    ) -> None:
        self._states, self._slots, self._shelf, self._rewinds = states, slots, shelf, rewinds
        self._most = points
        self._points: list[Point] = []
        self._seen: deque[list[int]] = deque(maxlen=SEEN)
        self._unsaved: deque[list[int]] = deque(maxlen=SEEN)

    @property
    def unsaved(self) -> bool:
        return bool(self._unsaved)

    def fetch(self, prompt: list[int]) -> list[int]:
        """Bring back what saves much of this prompt's work. Where to take checkpoints on the way through it."""
        least, wanted = self._slots.known(prompt) + WORTH, prompt[:-1]
        if (point := self._best(wanted)) and len(point.tokens) >= least and self._put(point.tokens, point.state):
            self._points.sort(key=lambda other: other is point)  # used last of all
            least = len(point.tokens) + WORTH
        self._from_disk(wanted, least)
        return [] if self._rewinds else self._marks(prompt)

    def _from_disk(self, wanted: list[int], least: int) -> None:
        while self._shelf and (found := self._shelf.find(wanted)) and found[1] >= least:
            kept, length = found
            if cells := self._shelf.read(kept):
                self._put(kept.tokens, cells, length)
                return

    def passed(self, chunk: Chunk) -> None:
        """This chunk was decoded: take a checkpoint where one is wanted."""
        end = chunk.start + len(chunk.tokens)
        if end in chunk.flow.marks and (state := self._states.state(chunk.lane, end)):
            new = Point(chunk.flow.tokens[:end], state)
            self._points = [*(point for point in self._points if point.tokens != new.tokens), new]
            while sum(len(point.state) for point in self._points) > self._most:
                del self._points[0]

    def ended(self, prompt: list[int]) -> None:
        """A job with this prompt has ended: worth a file, unless one holds half of it already, or will."""
        kept = prompt[:MOST]
        if not self._shelf or len(kept) < LEAST:
            return
        found = self._shelf.find(kept)
        known = max([found[1] if found else 0, *(common(kept, other) for other in self._unsaved)])
        if 2 * known < len(kept):
            if self._rewinds:  # what is its beginning comes with it
                self._unsaved = deque((old for old in self._unsaved if kept[: len(old)] != old), maxlen=SEEN)
            self._unsaved.append(kept)

    def save(self) -> None:
        """Write one prefix that is not on disk yet, if there is one."""
        point = self._copy(self._unsaved.popleft()) if self._unsaved else None
        if self._shelf and point and point.state and len(point.tokens) >= LEAST:
            self._shelf.write(point.tokens, point.state)

    def _copy(self, prompt: list[int]) -> Point | None:
        if not self._rewinds:
            return self._best(prompt)
        lane = self._slots.holding(prompt)
        return None if lane is None else Point(prompt, self._states.state(lane, len(prompt)))

    def _best(self, tokens: list[int]) -> Point | None:
        """The longest checkpoint that these tokens begin with."""
        fit = [point for point in self._points if tokens[: len(point.tokens)] == point.tokens]
        return max(fit, key=lambda point: len(point.tokens), default=None)

    def _put(self, tokens: Sequence[int], state: Data, keep: int | None = None) -> bool:
        """Make this copy a sequence, or the first `keep` tokens of it."""
        return bool(self._slots.restore(tokens, lambda lane: self._states.restore(lane, state), keep=keep))

    def _marks(self, prompt: list[int]) -> list[int]:
        parts = max((common(prompt, other) for other in self._seen), default=0)
        self._seen.append(prompt)
        return sorted({place for place in (parts, len(prompt) - TAIL) if WORTH <= place < len(prompt)})
