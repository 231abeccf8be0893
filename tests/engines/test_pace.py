"""How many tokens fit into one step."""

from __future__ import annotations

from cortex.engines.llama.pace import FIRST, LEAST, PATIENT, TARGET, Pace


def settled(pace: Pace, rate: float, steps: int = 40) -> int:
    for _ in range(steps):
        pace.learn(pace.budget, pace.budget / rate)
    return pace.budget


def test_the_budget_settles_where_a_step_takes_the_target() -> None:
    assert settled(Pace(2000), rate=1000) in range(int(1000 * TARGET) - 2, int(1000 * TARGET) + 1)


def test_the_budget_never_exceeds_what_a_batch_holds() -> None:
    assert settled(Pace(300), rate=1e9) == 300
    assert Pace(8).budget == 8


def test_the_budget_at_most_doubles_in_one_step() -> None:
    pace = Pace(2000)
    pace.learn(FIRST, 0.0)
    assert pace.budget == 2 * FIRST


def test_the_budget_shrinks_at_once() -> None:
    pace = Pace(2000, budget=1000)
    pace.learn(1000, 10 * TARGET)
    assert pace.budget == 100


def test_something_is_decoded_however_slow_it_is() -> None:
    assert settled(Pace(2000), rate=0.1) == LEAST


def test_a_step_with_few_tokens_says_nothing_about_full_ones() -> None:
    pace = Pace(2000, budget=1000)
    pace.learn(3, 0.3 * TARGET)
    assert pace.budget == 1000


def test_where_no_stream_waits_a_step_may_be_longer_but_no_more_than_a_batch_holds() -> None:
    assert Pace(2000, budget=100).patient == 100 * PATIENT
    assert Pace(300, budget=100).patient == 300
