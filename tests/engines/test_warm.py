"""What is measured while a model loads: how many threads compute best, and what a decode costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from cortex.engines.llama.flow import Chunk
from cortex.engines.llama.warm import ROUNDS, Meter, Speed

Took = tuple[float, float]  # seconds of a decode of one token, and of one of eight


@dataclass
class Slow:
    """It takes as long as it is told for each number of threads, on a clock of its own, and `row` for a row of logits.
    While it decodes, others use so many cores."""

    took: Mapping[int, Took]
    row: float = 0.001
    beside: float = 0.0
    hiccups: int = 0  # so many decodes at first take three times as long
    now: float = 100.0
    used: float = 50.0
    threads: tuple[int, int] = (0, 0)
    held: int = 0
    tried: list[int] = field(default_factory=list)  # the threads of each decode of one token

    def use(self, one: int, more: int) -> None:
        self.threads = (one, more)

    def decode(self, chunks: Sequence[Chunk]) -> None:
        [chunk] = chunks
        assert chunk.start == self.held == 0
        self.held = len(chunk.all)
        alone = self.held == 1
        if alone:
            self.tried.append(self.threads[0])
        self.pass_(self.took[self.threads[not alone]][not alone] + self.row * (1 + len(chunk.draft)))

    def pass_(self, seconds: float) -> None:
        seconds *= 3 if self.hiccups > 0 else 1
        self.hiccups -= 1
        self.now, self.used = self.now + seconds, self.used + self.beside * seconds

    def trim(self, lane: int, keep: int) -> bool:
        self.held = keep
        return True

    def measure(self, *threads: int, cpus: int = 8) -> Speed:
        return Meter(self, clock=lambda: self.now, others=lambda: self.used, cpus=cpus).measure(threads)


def test_the_fastest_of_some_rounds_tells_step_token_and_row() -> None:
    slow = Slow({2: (0.003, 0.010)}, row=0.0005, hiccups=2)
    costs = slow.measure(2).costs
    assert (costs.step, costs.token, costs.row) == pytest.approx((0.002, 0.001, 0.0005))
    assert (slow.tried, slow.held) == ([2] * ROUNDS, 0)


def test_the_number_of_threads_that_is_clearly_faster_is_taken_for_one_token_and_for_more() -> None:
    slow = Slow({4: (0.040, 0.080), 8: (0.045, 0.060), 3: (0.030, 0.100)})
    speed = slow.measure(4, 8, 3)
    assert (speed.one, speed.more, speed.calm) == (3, 8, True)
    assert slow.threads == (3, 8)
    assert speed.costs.token == pytest.approx((0.061 - 0.031) / 7), "as it is with these threads"


def test_what_is_hardly_faster_changes_nothing() -> None:
    speed = Slow({4: (0.040, 0.080), 3: (0.039, 0.078)}).measure(4, 3)
    assert (speed.one, speed.more) == (4, 4)


@pytest.mark.parametrize(("one", "rounds"), [(0.03, ROUNDS), (0.18, 2)])
def test_one_slow_round_decides_nothing(one: float, rounds: int) -> None:
    slow = Slow({4: (one, one), 3: (1.1 * one, 1.1 * one)}, hiccups=2 if rounds == ROUNDS else 0)
    speed = slow.measure(4, 3)
    assert (speed.one, speed.more) == (4, 4)
    assert slow.tried == [4, 3] * rounds, "twice at least"


def test_a_number_that_falls_far_behind_is_tried_once() -> None:
    slow = Slow({2: (0.040, 0.120), 1: (0.080, 0.230)})
    assert slow.measure(2, 1).one == 2
    assert slow.tried == [2, 1, *[2] * (ROUNDS - 1)]


def test_a_model_that_takes_long_is_measured_once_and_with_the_usual_number_only() -> None:
    slow = Slow({2: (0.4, 2.0), 1: (0.1, 0.1)})
    assert slow.measure(2, 1).one == 2
    assert slow.tried == [2]


def test_while_others_want_the_cores_nothing_is_changed_and_nothing_worth_keeping() -> None:
    took = {4: (0.040, 0.080), 3: (0.020, 0.040)}
    speed = Slow(took, beside=1.0).measure(4, 3, cpus=4)
    assert (speed.one, speed.more, speed.calm) == (4, 4, False)
    assert Slow(took, beside=1.0).measure(4, 3, cpus=5).calm, "there is a core for them"
