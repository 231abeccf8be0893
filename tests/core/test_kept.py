"""What is kept for the next time, and that it stays bounded."""

from __future__ import annotations

from cortex.core.kept import Kept


def test_what_was_made_is_there_until_there_is_too_much() -> None:
    kept: Kept[int] = Kept(2)
    assert [kept.keep(text, number) for number, text in enumerate("ab")] == [0, 1]
    assert kept == {"a": 0, "b": 1}
    kept.keep("c", 2)
    assert kept == {"c": 2}
