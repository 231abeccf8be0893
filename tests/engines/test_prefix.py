"""How many tokens two sequences begin with alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex.engines.llama.prefix import FIRST, common


@pytest.mark.parametrize(
    ("one", "other", "length"),
    [([], [], 0), ([1], [], 0), ([1, 2], [1, 2], 2), ([1, 2, 3], [1, 2], 2), ([1, 9], [1, 2], 1), ([9], [1], 0)],
)
def test_common_counts_the_tokens_that_both_begin_with(one: list[int], other: list[int], length: int) -> None:
    assert common(one, other) == common(other, one) == length


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_however_much_it_is(same: int, one: int, other: int) -> None:
    begin = list(range(same))
    assert common(begin + [-1] * one, begin + [-2] * other) == same
    assert common(bytes(begin), bytes(begin) + b"x" * other) == same


def test_a_long_one_is_compared_in_few_slices() -> None:
    assert common(list(range(FIRST * 100)), list(range(FIRST * 100))) == FIRST * 100
