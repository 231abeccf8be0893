"""Where a reply is in the text that was predicted, and what comes next there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cortex.engines.llama.draft import KEY, TRUSTED, Draft

TEXT = list(range(100, 200))


def test_a_reply_is_expected_to_begin_as_the_text_does() -> None:
    assert Draft(TEXT).next(1000).tokens == TEXT


def test_no_more_is_tried_than_may_be_said() -> None:
    assert Draft(TEXT).next(3).tokens == TEXT[:3]
    assert Draft(TEXT).next(0).tokens == []


def test_what_was_said_is_not_tried_again() -> None:
    draft = Draft(TEXT)
    draft.said(TEXT[:5])
    assert draft.next(4).tokens == TEXT[5:9]


def test_at_the_texts_end_there_is_nothing_more_to_try() -> None:
    draft = Draft(TEXT)
    draft.said(TEXT)
    assert draft.next(10).tokens == []
    draft.said([1])
    assert draft.next(10).tokens == []


def test_where_the_reply_leaves_the_text_nothing_is_tried() -> None:
    draft = Draft(TEXT)
    for token in range(50):
        draft.said([token])
        assert draft.next(10).tokens == []


def test_a_replaced_a_new_and_a_missing_part_are_got_over() -> None:
    for said in ([*TEXT[:10], 1, *TEXT[11:14]], [*TEXT[:10], 1, 2, *TEXT[10:14]], [*TEXT[:10], *TEXT[11:14]]):
        draft = Draft(TEXT)
        draft.said(said)
        assert draft.next(2).tokens == TEXT[14:16]


def test_the_text_is_found_again_by_its_last_few_tokens_and_not_by_fewer() -> None:
    draft = Draft(TEXT)
    draft.said([1, *TEXT[50 : 50 + KEY - 1]])
    assert draft.next(2).tokens == []
    draft.said([TEXT[50 + KEY - 1]])
    assert draft.next(2).tokens == TEXT[50 + KEY : 52 + KEY]


def test_of_several_places_the_next_one_is_meant() -> None:
    text = [1, 2, 10, 1, 2, 20, 1, 2, 30]
    draft = Draft(text)
    draft.said([1, 2, 10, 99, 1, 2])
    assert draft.next(1).tokens == [20]
    draft.said([99, 1, 2])
    assert draft.next(1).tokens == [20], "what was never said does not count as passed"
    draft.said([20, 99, 1, 2])
    assert draft.next(1).tokens == [30]


def test_an_earlier_part_may_come_again() -> None:
    draft = Draft(TEXT)
    draft.said([*TEXT[:60], *TEXT[20:30]])
    assert draft.next(1).tokens == TEXT[30:31]


def test_a_guess_knows_how_much_before_it_came_as_in_the_text() -> None:
    draft = Draft(TEXT)
    assert draft.next(1).match == TRUSTED
    draft.said(TEXT[:3])
    assert draft.next(1).match == TRUSTED + 3
    draft.said([1, *TEXT[50 : 50 + KEY + 1]])
    assert draft.next(1).match == KEY + 1


def test_after_misses_the_text_has_to_match_for_longer() -> None:
    draft = Draft([1, 2, 10, 4, 1, 2, 20])
    draft.said([9, 1, 2])
    draft.learn(0)
    draft.said([9, 1, 2])
    assert draft.next(1).tokens == []
    draft.said([9, 4, 1, 2])
    assert draft.next(1).tokens == [20]
    draft.learn(1)
    draft.said([9, 1, 2])
    assert draft.next(1).tokens == [10], "one that was right makes up for all misses"


@given(st.lists(st.integers(0, 3), max_size=40), st.lists(st.integers(0, 3), max_size=60), st.integers(0, 20))
def test_whatever_is_said_what_is_tried_stands_in_the_text(text: list[int], said: list[int], most: int) -> None:
    draft = Draft(text)
    for at in range(0, len(said), 3):
        draft.said(said[at : at + 3])
        tried = draft.next(most).tokens
        assert len(tried) <= most
        assert any(text[place : place + len(tried)] == tried for place in range(len(text) + 1))
        draft.learn(len(tried) // 2)


def test_an_empty_text_is_no_draft() -> None:
    draft = Draft([])
    draft.said([1, 2, 3, 4])
    assert draft.next(5).tokens == []
