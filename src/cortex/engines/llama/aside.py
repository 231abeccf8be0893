"""Sequences that were not used of late leave the KV cache: copies in memory, until a prompt begins like them.

llama.cpp's attention passes over every cell up to the last one in use, whosever it is: beside 8,000 cells of others a
token of a 0.5B takes a seventh longer. Copies cost a decode nothing, and 600 tokens come back in 1 to 3 ms. So while
nobody waits, all idle sequences leave, and those used last come back, into the first cells. What sequences share is
copied once: the copy of each begins where it parts from those that are still there.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cortex.engines.llama import machine
from cortex.engines.llama.flow import Lane
from cortex.engines.llama.keeper import WORTH, States
from cortex.engines.llama.shelf import Data
from cortex.engines.llama.slots import Slots
from cortex.engines.llama.tree import Tree
from cortex.engines.llama.worth import Curve

LATEST: Final = 2  # sequences that stay: two chats that take turns are not moved each time
SLACK: Final = 1024  # cells of others that are worth no work, where nobody knows what they cost
SLOWER: Final = 0.02  # of a token's time: what others' cells may cost it
PASSED: Final = 15  # cells that are passed over in the time of one that is looked at
RESERVE: Final = 256 << 20  # bytes of memory that copies leave free


@dataclass(frozen=True, slots=True)
class Copy:
    """A sequence of these tokens, and the cells of those behind the first `behind`; `used` and `asked` as in `Lane`."""

    tokens: list[int]
    behind: int
    state: Data
    used: int
    asked: int


class Aside:
    """Copies of at most `most` bytes, where a token has `cell`, and as far as memory is `free`. What has no room here
    stays in the cache; only where that is more than half full, too, the copies made longest ago go for new ones. So
    many cells of others as `slack` are left alone."""

    def __init__(
        self,
        states: States,
        slots: Slots,
        *,
        most: int,
        cell: int,
        slack: int = SLACK,
        free: Callable[[], int | None] = machine.available_memory,
    ) -> None:
        self._states, self._slots, self._most, self._cell = states, slots, most, cell
        self._slack, self._free = slack, free
        self._copies: dict[int, Copy] = {}  # in the order of their making
        self._tree: Tree[int] = Tree()
        self._numbers = itertools.count()
        self._look = False
        self._leaving: deque[Lane] = deque()
        self._coming: list[int] = []

    @property
    def busy(self) -> bool:
        """Whether something is left to do while nobody waits."""
        return bool(self._look or self._leaving or self._coming)

    def ended(self) -> None:
        """A job has ended: look at what it leaves to do, and forget what was being done before it."""
        self._look = self._slots.used > self._slack
        self._leaving.clear()
        self._coming.clear()

    def tidy(self) -> None:
        """Move one sequence, while nothing runs."""
        if self._look:
            self._look = False
            self._leaving.extend(self._plan())
        elif self._leaving:
            self._leave(self._leaving.popleft(), latest=len(self._leaving) < LATEST)
        elif self._coming:  # the last that left: the others may go on from it
            self._return(self._coming.pop())

    def fetch(self, prompt: Sequence[int]) -> None:
        """Bring back what this prompt begins with, if that saves much of its work."""
        length, numbers = self._tree.longest(prompt[:-1])
        if length >= WORTH and length >= self._slots.known(prompt) + WORTH:
            self._bring(self._first(numbers), length)

    def _plan(self) -> list[Lane]:
        """What is to leave: all or nothing, for what stays would stay where it is."""
        idle = self._slots.idle()
        stay = {cell for lane in idle[-LATEST:] for cell in lane.cells}
        others = self._slots.used - len(stay)
        if others <= self._slack or not self._is_free(self._slots.used * self._cell):
            return []
        return idle if self._make_room(others * self._cell) else []

    def _is_free(self, bytes: int) -> bool:
        """Whether the machine has so much memory to spare, as far as it says."""
        free = self._free()
        return free is None or bytes + RESERVE <= free

    def _make_room(self, bytes: int) -> bool:
        """Whether copies of so many fit, after those made longest ago have gone for which the cache is too full."""
        while self._taken + bytes > self._most and self._copies and 2 * self._slots.used > self._slots.total:
            self._drop(next(iter(self._copies)))
        return self._taken + bytes <= self._most

    @property
    def _taken(self) -> int:
        return sum(len(copy.state) for copy in self._copies.values())

    def _leave(self, lane: Lane, *, latest: bool) -> None:
        """One of the `latest` comes back at once."""
        behind = self._slots.shared(lane)
        if behind < len(lane.tokens):
            state = self._states.state(lane.id, len(lane.tokens), behind)
            if not state:
                return
            number = next(self._numbers)
            self._copies[number] = Copy(list(lane.tokens), behind, state, lane.used, lane.asked)
            self._tree.put(number, lane.tokens)
            if latest:
                self._coming.append(number)
        self._slots.forget(lane)

    def _return(self, number: int) -> None:
        """Make this copy a sequence again, as it was."""
        copy = self._copies[number]
        if lane := self._bring(number, len(copy.tokens)):
            lane.used = copy.used

    def _bring(self, number: int, length: int) -> Lane | None:
        """Make this copy a sequence again, the one used last. Where less than half of it, `length`, is wanted, only so
        much, and the copy stays. None where it does not fit, or what it goes on from cannot be had."""
        copy = self._copies[number]
        keep = length if 2 * length < len(copy.tokens) else None
        if not self._has(copy.tokens[: copy.behind]):
            return None
        lane = self._slots.restore(copy.tokens, lambda id: self._put(id, copy), keep=keep, behind=copy.behind)
        if lane and keep is None:
            lane.asked = copy.asked
            self._drop(number)
        return lane

    def _has(self, tokens: Sequence[int]) -> bool:
        """See to it that a sequence begins with these tokens."""
        if not tokens or self._slots.holding(tokens) is not None:
            return True
        length, numbers = self._tree.longest(tokens)
        first = self._first(numbers) if length == len(tokens) else None
        return first is not None and self._copies[first].behind < length and bool(self._bring(first, length))

    def _first(self, numbers: Sequence[int]) -> int:
        """Of copies that share as much, the one that begins first."""
        return min(numbers, key=lambda number: self._copies[number].behind)

    def _put(self, lane: int, copy: Copy) -> bool:
        return self._states.restore(lane, copy.state, behind=copy.behind > 0)

    def _drop(self, number: int) -> None:
        del self._copies[number]
        self._tree.drop(number)


def slack_of(curve: Curve) -> int:
    """How many cells of others cost a token next to nothing: few where it takes 20 ms, many where it takes 300."""
    return int(SLOWER * curve.of(1) * PASSED / curve.cell) if curve.cell else SLACK
