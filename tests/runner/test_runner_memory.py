"""Who has to go so that another model fits: the law alone, without any process."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cortex.runner.memory import Held, room

AT_WORK = Held("at work", 40)
OLD, NEW = Held("old", 30, idle=1.0), Held("new", 20, idle=2.0)

held = st.lists(st.builds(Held, st.uuids().map(str), st.integers(0, 100), st.none() | st.floats(0, 1000)), max_size=8)


def test_what_fits_ends_nobody() -> None:
    assert room(10, 100, [AT_WORK, OLD, NEW]) == []
    assert room(10**9, None, [AT_WORK]) == []


def test_the_one_that_was_not_used_for_longest_goes_first() -> None:
    assert room(20, 100, [AT_WORK, NEW, OLD]) == ["old"]
    assert room(60, 100, [AT_WORK, NEW, OLD]) == ["old", "new"]


def test_a_small_one_does_not_go_in_vain_before_a_large_one() -> None:
    assert room(70, 100, [Held("small", 10, idle=1.0), Held("large", 90, idle=2.0)]) == ["large"]


def test_models_at_work_stay() -> None:
    assert room(61, 100, [AT_WORK, NEW, OLD]) is None


@given(st.integers(0, 300), st.integers(0, 300), held)
def test_after_it_the_model_fits_and_nobody_at_work_has_gone(need: int, budget: int, models: list[Held]) -> None:
    victims = room(need, budget, models)
    if victims is None:
        assert need + sum(model.memory for model in models if model.idle is None) > budget
        return
    left = [model for model in models if model.name not in victims]
    assert need + sum(model.memory for model in left) <= budget
    assert all(model.idle is not None for model in models if model.name in victims)
    for model in models:
        if model.name in victims:  # none of them in vain
            assert need + sum(each.memory for each in [*left, model]) > budget
