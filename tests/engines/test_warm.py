"""What is measured while a model loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from cortex.engines.llama import warm
from cortex.engines.llama.slots import Chunk


@dataclass
class Slow:
    """It takes as long as it is told, on a clock of its own; the first round of all is a slow one."""

    step: float
    token: float
    row: float
    now: float = 0.0
    held: int = 0
    sizes: list[int] = field(default_factory=list)

    def decode(self, chunks: Sequence[Chunk]) -> None:
        [chunk] = chunks
        assert chunk.start == self.held == 0
        self.held = len(chunk.all)
        rows = 1 + len(chunk.draft)
        self.now += (self.step + self.token * self.held + self.row * rows) * (3 if len(self.sizes) < 3 else 1)
        self.sizes.append(self.held)

    def trim(self, lane: int, keep: int) -> bool:
        self.held = keep
        return True


def test_the_fastest_of_some_rounds_tells_step_token_and_row(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(0.002, 0.001, 0.0005)
    monkeypatch.setattr(warm.time, "perf_counter", lambda: slow.now)
    costs = warm.measure(slow)
    assert (costs.step, costs.token, costs.row) == pytest.approx((0.002, 0.001, 0.0005))
    assert (slow.sizes, slow.held) == ([1, 8, 8] * warm.ROUNDS, 0)


def test_a_model_that_takes_long_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(0.4, 0.2, 0.1)
    monkeypatch.setattr(warm.time, "perf_counter", lambda: slow.now)
    warm.measure(slow)
    assert slow.sizes == [1, 8, 8]
