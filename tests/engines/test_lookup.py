"""Where the last few tokens stood before, and what followed there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex.engines.llama.lookup import HINT, KEY, LONGEST, PLACES, Lookup


def test_what_followed_the_last_tokens_before_is_the_guess() -> None:
    guess = Lookup([1, 2, 3, 4, 5, 9, 1, 2]).next(3)
    assert (guess.tokens, guess.match) == ([3, 4, 5], 2)


@pytest.mark.parametrize("tokens", [[], [1], [1, 2], [1, 1], [1, 2, 3, 4], [1, 9, 3, 2, 9]])
def test_what_never_stood_there_before_is_no_guess(tokens: list[int]) -> None:
    assert Lookup(tokens).next(5).tokens == []


def test_the_place_where_the_most_tokens_are_the_same_is_taken() -> None:
    lookup = Lookup([7, 1, 2, 30, 8, 1, 2, 40, 9, 1, 2, 50, 7, 1, 2])
    assert (lookup.next(1).tokens, lookup.next(1).match) == ([30], 3)


def test_of_places_alike_the_latest_is_taken() -> None:
    assert Lookup([7, 1, 2, 30, 7, 1, 2, 40, 8, 1, 2]).next(1).tokens == [40]


def test_what_is_said_is_looked_up_too_and_what_was_right_counts() -> None:
    lookup = Lookup([])
    for token in [1, 2, 3, 4, 5, 6, 1]:
        lookup.said([token])
    assert lookup.next(5).tokens == []
    lookup.said([2])
    assert (lookup.next(2).tokens, lookup.next(2).match) == ([3, 4], 2)
    lookup.said([3, 4])
    assert (lookup.next(9).tokens, lookup.next(9).match) == ([5, 6, 1, 2, 3, 4], 4)


def test_a_repetition_of_one_token_is_found_right_before_the_end() -> None:
    assert Lookup([1, 5, 5, 5]).next(4).tokens == [5]


def test_only_the_latest_places_are_compared_and_not_for_ever() -> None:
    lookup = Lookup([7, 1, 2, 30] + [1, 2, 40] * PLACES + [7, 1, 2])
    assert lookup.next(1).tokens == [40]
    assert Lookup(list(range(100)) * 2).next(1).match == LONGEST


def test_where_places_alike_go_on_otherwise_only_what_they_share_is_guessed() -> None:
    assert Lookup([1, 2, 30, 40, 50, 1, 2, 30, 40, 60, 1, 2]).next(9).tokens == [30, 40]
    assert Lookup([1, 2, 30, 1, 2, 40, 50, 1, 2]).next(9).tokens == [40], "one is always tried"


def test_before_anything_is_said_the_first_hint_is_the_guess() -> None:
    lookup = Lookup([1, 2, 3, 1, 2], hints=[[7, 8, 9], [8, 5]])
    guess = lookup.next(2)
    assert (guess.tokens, guess.match) == ([7, 8], HINT)
    assert guess.match + guess.step > LONGEST, "if the first is right, so are the others"
    lookup.said([])
    assert lookup.next(9).tokens == [7, 8, 9]
    lookup.said([3])
    assert lookup.next(1).tokens == [1]


def test_in_a_hint_one_token_is_enough_and_nothing_is_guessed_beyond_it() -> None:
    lookup = Lookup([1, 2], hints=[[9], [6, 7, 8], [4, 7]])
    lookup.said([7])
    guess = lookup.next(9)
    assert (guess.tokens, guess.match) == ([8], 1 + HINT)
    lookup.said([7])
    lookup.said([9])
    assert lookup.next(9).tokens == [], "a hint that ends there tells nothing"


def test_a_hint_is_trusted_more_than_a_place_that_says_as_much() -> None:
    lookup = Lookup([6, 7, 1, 2], hints=[[9], [6, 7, 8]])
    lookup.said([6, 7])
    assert (lookup.next(9).tokens, lookup.next(9).match) == ([8], 2 + HINT)


@given(st.lists(st.integers(0, 3), max_size=60), st.lists(st.lists(st.integers(0, 3), max_size=4), max_size=10))
def test_a_guess_always_stood_behind_the_same_tokens(start: list[int], said: list[list[int]]) -> None:
    lookup, all = Lookup(start), list(start)
    for tokens in said:
        lookup.said(tokens)
        all += tokens
        guess = lookup.next(5)
        wanted = [*all[-guess.match :], *guess.tokens] if guess.match else []
        assert guess.match == 0 or guess.match >= KEY
        assert bool(guess.tokens) == (guess.match > 0)
        assert any(all[i : i + len(wanted)] == wanted for i in range(len(all) + 1))
