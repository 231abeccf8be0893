"""A prompt that says what the model has been through takes the tokens that it went through, mark for mark."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cortex.engines.llama.said import ROOM, Said

# One letter each, then longer ones; the last two are special, and both are spelled as text that others spell, too.
PIECES = [b"a", b"b", b"c", b"<", b">", b"ab", b"bc", b"abc", b"<a>", b"<b>"]
A, B, C, LESS, MORE, AB, BC, ABC, MARK, OTHER = range(10)


def said(*sequences: list[int], ended: bool = False) -> Said:
    memory = Said(PIECES, [token >= MARK for token in range(len(PIECES))], letters)
    for tokens in sequences:
        memory.remember(tokens, ended=ended)
    return memory


def letters(text: bytes) -> list[int]:
    """The tokens of a plain text; none where a letter has none."""
    return [PIECES.index(bytes([byte])) for byte in text if bytes([byte]) in PIECES]


def spell(tokens: list[int]) -> bytes:
    return b"".join(PIECES[token] for token in tokens)


def test_a_text_takes_the_tokens_that_it_was_said_in() -> None:
    assert said([C, A, B, C]).again([C, ABC, A]) == [C, A, B, C, A]


def test_where_nothing_was_said_or_something_else_the_tokens_stay() -> None:
    assert said().again([ABC]) == [ABC]
    assert said([B, B]).again([ABC]) == [ABC]
    assert said([A]).again([]) == []


def test_up_to_the_last_place_where_both_have_an_end() -> None:
    assert said([A, BC, A, B]).again([AB, C, ABC, C]) == [A, BC, ABC, C]


def test_where_a_reply_ended_by_itself_is_an_end_whatever_follows() -> None:
    """A tokenizer joins the new line that a template writes to the last brace of a call."""
    assert said([C, A], ended=True).again([C, AB, C]) == [C, A, B, C]
    assert said([C, A]).again([C, AB, C]) == [C, AB, C]
    assert said([C, A], [C, AB, C], ended=True).again([C, ABC]) == [C, AB, C]


def test_what_a_reply_ended_in_is_not_cut_out_of_a_mark_nor_out_of_what_cannot_be_spelled() -> None:
    assert said([C, LESS], ended=True).again([C, MARK]) == [C, MARK]
    memory = Said([b"a", "aé".encode()], [False, False], lambda text: [])
    memory.remember([0], ended=True)
    assert memory.again([1, 0]) == [1, 0]


def test_what_is_text_in_one_and_a_mark_in_the_other_is_not_the_same() -> None:
    """Else what a client writes would become a special token."""
    assert said([C, MARK, A, B]).again([C, LESS, A, MORE, AB]) == [C, LESS, A, MORE, AB]
    assert said([C, LESS, A, MORE, A, B]).again([C, MARK, AB]) == [C, MARK, AB]
    assert said([A, B, MARK, A, B]).again([AB, MARK, AB]) == [A, B, MARK, A, B]


def test_the_sequence_that_says_the_most_of_it_is_taken() -> None:
    memory = said([A, B], [A, B, C, A, B], [C])
    assert memory.again([ABC, AB]) == [A, B, C, A, B]


def test_a_chat_that_goes_on_takes_one_place_and_the_oldest_of_many_is_forgotten() -> None:
    chat = [[A, B, *[C] * turn] for turn in range(9)]
    others = [[B] * 3 + [A] * number for number in range(1, ROOM)]
    assert said(*chat, *reversed(others)).again([AB, C]) == [A, B, C]
    assert said([A, B], *reversed(others), [C]).again([AB]) == [AB]


@given(
    st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=4),
    st.lists(st.integers(0, 9), max_size=12),
    st.booleans(),
)
def test_the_text_and_the_marks_never_change(known: list[list[int]], tokens: list[int], ended: bool) -> None:
    def marks(tokens: list[int]) -> list[tuple[int, int]]:
        return [(len(spell(tokens[:at])), token) for at, token in enumerate(tokens) if token >= MARK]

    memory = said(*known, ended=ended)
    again = memory.again(tokens)
    assert (spell(again), marks(again)) == (spell(tokens), marks(tokens))
    assert memory.again(again) == again
