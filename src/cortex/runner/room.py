"""Makes room for a model: ends idle ones, the least recently used first, or waits for those at work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from cortex.core.errors import Busy, NoRoom, TooBig
from cortex.core.sizes import gb
from cortex.runner.entry import Demand, Entry
from cortex.runner.memory import Held, lru, room


@dataclass(frozen=True, slots=True)
class Limits:
    """`budget` is what all models may take together, in bytes (None: no limit); `patience` for how many seconds one
    waits until others have made room (None: for ever)."""

    budget: int | None = None
    patience: float | None = 60.0


class Bell:
    """Wakes everybody who listens."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def heard(self, seconds: float | None) -> None:
        """Return when it rings, or after so many seconds."""
        event = self._event
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return


class Landlord(Protocol):
    """Who knows the other models."""

    limits: Limits
    bell: Bell
    clock: Callable[[], float]

    def others(self, entry: Entry) -> list[Held]: ...
    async def evict(self, names: Iterable[str]) -> None: ...


async def make_room(pool: Landlord, entry: Entry) -> None:
    """Return when `entry` may take its memory, which is reserved then. Raises `TooBig` and `NoRoom` with numbers, and
    `Busy` when nobody waits for it any more."""
    need, began = entry.demand.memory, pool.clock()
    while True:
        check_size(entry.name, entry.demand, pool.limits)
        budget, others = pool.limits.budget, pool.others(entry)
        victims = room(need, budget, others)
        if victims == []:
            entry.reserved = True
            return
        if victims:
            await pool.evict(victims)
            continue
        patience = pool.limits.patience
        left = None if patience is None else began + patience - pool.clock()
        if left is not None and left <= 0:
            raise NoRoom(full(entry.name, need, budget or 0, others))
        if not entry.holds:
            raise Busy(f"nobody waits for {entry.name} any more")
        await pool.bell.heard(left)


def check_size(name: str, demand: Demand, limits: Limits) -> None:
    """Raise `TooBig` for what would not fit even alone."""
    if limits.budget is not None and demand.memory > limits.budget:
        raise TooBig(too_big(name, demand.memory, limits.budget))


async def make_more(pool: Landlord, entry: Entry) -> bool:
    """End one idle model, after the system had less memory than the budget allows. False where there is none."""
    idle = lru(pool.others(entry))
    if not idle:
        return False
    await pool.evict([idle[0].name])
    return True


def too_big(name: str, need: int, budget: int) -> str:
    return (
        f"{name} needs about {gb(need)} of memory and all models together may take {gb(budget)}: use a smaller model, "
        "context (ctx_len), n_parallel or cache_type, or raise memory_budget"
    )


def full(name: str, need: int, budget: int, others: Iterable[Held]) -> str:
    taken = [f"{each.name} {gb(each.memory)}" for each in others if each.memory]
    return (
        f"{name} needs about {gb(need)} of memory; of {gb(budget)} for all models, those at work hold: "
        f"{', '.join(taken)}. Come back later, stop one of them, or raise memory_budget"
    )
