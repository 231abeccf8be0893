"""Which idle models have to go so that another one fits into the memory budget. Pure: it ends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """What one model holds, in bytes. `idle` is the time since when it has no work; None while it is at work, is being
    loaded, or is ending."""

    name: str
    memory: int
    idle: float | None = None


def room(need: int, budget: int | None, held: Sequence[Held]) -> list[str] | None:
    """The models to end, the one that was not used for longest first, so that `need` more bytes fit into `budget`
    (None: no limit). [] where they fit already; None where they would not fit even so."""
    if budget is None:
        return []
    excess, victims = need + sum(each.memory for each in held) - budget, list[Held]()
    for each in lru(held):
        if excess <= 0:
            break
        victims.append(each)
        excess -= each.memory
    if excess > 0:
        return None
    spared = list[Held]()
    for each in victims:  # a small one may have gone in vain before a large one
        if excess + each.memory <= 0:
            spared.append(each)
            excess += each.memory
    return [each.name for each in victims if each not in spared]


def lru(held: Sequence[Held]) -> list[Held]:
    """The idle ones, the one that was not used for longest first."""
    return [each for _, each in sorted(((each.idle, each) for each in held if each.idle is not None), key=_first)]


def _first(pair: tuple[float, Held]) -> float:
    return pair[0]
