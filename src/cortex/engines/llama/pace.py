"""How many tokens one step may decode, so that it stays short. Pure: it is told how long steps took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

TARGET: Final = 0.4  # seconds a step: a cancel waits for one step at most, and so does every running stream
PATIENT: Final = 4  # times as many tokens where no stream waits: llama.cpp's attention takes half as long from 64 on
FIRST: Final = 16
LEAST: Final = 4
LEAST_PREFILL: Final = 4  # tokens of a prompt in every batch, however full it is with running streams


@dataclass(slots=True)
class Pace:
    """`budget` tokens fit into one step. It at most doubles from step to step, and shrinks at once."""

    most: int
    budget: int = FIRST

    def __post_init__(self) -> None:
        self.budget = min(self.budget, self.most)

    @property
    def patient(self) -> int:
        """How many tokens a step may decode that no stream waits for."""
        return min(PATIENT * self.budget, self.most)

    def learn(self, tokens: int, seconds: float) -> None:
        """A step decoded so many tokens in so many seconds. One that was far from full says little and is ignored."""
        if 2 * tokens < self.budget and seconds < TARGET:
            return
        fits = int(tokens * TARGET / max(seconds, 1e-6))
        self.budget = max(LEAST, min(fits, 2 * self.budget, self.most))


def parts(budget: int, pending: Sequence[int]) -> list[int]:
    """How much of a budget each prompt gets that has so many tokens pending; they are in the order of their age.

    The oldest gets at least half, so that it comes to its end, and the others the rest, the shortest first: a short
    prompt need not wait for a long one. However small the budget, the oldest gets a few.
    """
    if not pending:
        return []
    shares = [0] * len(pending)
    shares[0] = min(pending[0], max((budget + 1) // 2, LEAST_PREFILL))
    for i in [*sorted(range(1, len(pending)), key=lambda i: pending[i]), 0]:
        more = min(pending[i] - shares[i], max(0, budget - sum(shares)))
        shares[i] += more
    return shares
