"""A text that was cut before is not cut again; memory is bounded."""

from __future__ import annotations

from cortex.engines.llama.cuts import LONG, Cuts


class Counted:
    """Cuts a text into its bytes, as markup into their doubles."""

    def __init__(self) -> None:
        self.cut: list[bytes] = []

    def __call__(self, text: bytes, markup: bool) -> list[int]:
        self.cut.append(text)
        return [byte * (1 + markup) for byte in text]


def test_a_long_text_is_cut_once_and_as_markup_once_more() -> None:
    counted, text = Counted(), b"ab" * LONG
    cuts = Cuts(counted)
    for _ in range(2):
        assert cuts(text, False) == list(text)
        assert cuts(text, True) == [2 * byte for byte in text]
    assert len(counted.cut) == 2


def test_what_is_given_out_may_be_changed() -> None:
    cuts, text = Cuts(Counted()), b"ab" * LONG
    cuts(text, False).clear()
    cuts(text, False).clear()
    assert cuts(text, False) == list(text)


def test_a_short_text_is_not_remembered() -> None:
    counted = Counted()
    cuts = Cuts(counted)
    assert [cuts(b"short", False) for _ in range(2)] == [list(b"short")] * 2
    assert len(counted.cut) == 2


def test_those_used_longest_ago_are_forgotten() -> None:
    counted = Counted()
    cuts = Cuts(counted, most=3 * LONG)
    texts = [bytes([letter]) * LONG for letter in b"abcd"]
    for text in (*texts[:3], texts[0], texts[3], texts[0], texts[1]):
        assert cuts(text, False) == list(text)
    assert counted.cut == [*texts, texts[1]]


def test_a_text_larger_than_all_that_is_remembered_is_cut_all_the_same() -> None:
    counted, text = Counted(), b"a" * 10 * LONG
    cuts = Cuts(counted, most=LONG)
    assert [cuts(text, False) for _ in range(2)] == [list(text)] * 2
    assert len(counted.cut) == 2
