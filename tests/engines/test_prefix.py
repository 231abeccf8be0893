"""Which sequence of the cache a prompt continues."""

from __future__ import annotations

import pytest

from cortex.engines.llama.prefix import Candidate, Reuse, choose, common

LONG = list(range(100))


def lane(number: int, tokens: list[int], *, running: bool = False, used: int = 0) -> Candidate:
    return Candidate(number, tokens, running, used)


@pytest.mark.parametrize(
    ("one", "other", "length"),
    [([], [], 0), ([1], [], 0), ([1, 2], [1, 2], 2), ([1, 2, 3], [1, 2], 2), ([1, 9], [1, 2], 1), ([9], [1], 0)],
)
def test_common_counts_the_tokens_that_both_begin_with(one: list[int], other: list[int], length: int) -> None:
    assert common(one, other) == common(other, one) == length


def test_the_longest_shared_beginning_wins() -> None:
    lanes = [lane(0, [1, 2]), lane(1, [1, 2, 3]), lane(2, [7])]
    assert choose([1, 2, 3, 4], lanes, rewinds=True) == Reuse(1, 1, 3)


def test_the_last_token_of_a_prompt_is_always_left_to_decode() -> None:
    assert choose([1, 2, 3], [lane(0, [1, 2, 3])], rewinds=True) == Reuse(0, 0, 2)


def test_without_anything_shared_the_sequence_used_longest_ago_is_taken() -> None:
    lanes = [lane(0, [1], used=5), lane(1, [2], used=3), lane(2, [3], used=4)]
    assert choose([9, 9], lanes, rewinds=True) == Reuse(1, 1, 0)


def test_a_running_sequence_shares_its_beginning_with_an_idle_one() -> None:
    lanes = [lane(0, [1, 2, 3], running=True), lane(1, [])]
    assert choose([1, 2, 9], lanes, rewinds=True) == Reuse(1, 0, 2)


def test_an_idle_sequence_is_preferred_to_a_running_one_that_shares_as_much() -> None:
    lanes = [lane(0, [1, 2], running=True, used=9), lane(1, [1, 2]), lane(2, [])]
    assert choose([1, 2, 3], lanes, rewinds=True) == Reuse(1, 1, 2)


def test_nothing_can_be_chosen_while_every_sequence_runs() -> None:
    assert choose([1, 2], [lane(0, [1], running=True)], rewinds=True) is None


def test_another_chat_is_not_cut_short_for_a_short_shared_beginning() -> None:
    lanes = [lane(0, LONG, used=9), lane(1, [], used=1)]
    assert choose([*LONG[:10], 777, 778], lanes, rewinds=True) == Reuse(1, 0, 10)


def test_the_only_idle_sequence_is_cut_short_all_the_same() -> None:
    lanes = [lane(0, LONG), lane(1, [5], running=True)]
    assert choose([*LONG[:10], 777, 778], lanes, rewinds=True) == Reuse(0, 0, 10)


def test_a_model_that_cannot_rewind_continues_only_what_is_wholly_a_beginning() -> None:
    lanes = [lane(0, [1, 2, 3, 4], used=1), lane(1, [1, 2], used=2), lane(2, [9], used=0)]
    assert choose([1, 2, 3, 9], lanes, rewinds=False) == Reuse(1, 1, 2)
    assert choose([5, 6], lanes, rewinds=False) == Reuse(2, 2, 0)


def test_a_model_that_cannot_rewind_shares_nothing_with_a_running_sequence() -> None:
    lanes = [lane(0, [1, 2], running=True), lane(1, [])]
    assert choose([1, 2, 3], lanes, rewinds=False) == Reuse(1, 1, 0)


def test_a_model_that_cannot_rewind_does_not_reuse_a_whole_prompt() -> None:
    assert choose([1, 2], [lane(0, [1, 2])], rewinds=False) == Reuse(0, 0, 0)
