"""What is kept for the next time, and that it stays bounded."""

from __future__ import annotations

from cortex.core.kept import Kept
from cortex.core.lark import Lark


def test_what_was_made_is_there_until_there_is_too_much() -> None:
    kept: Kept[int] = Kept(2)
    assert [kept.keep(text, number) for number, text in enumerate("ab")] == [0, 1]
    assert kept == {"a": 0, "b": 1}
    kept.keep("c", 2)
    assert kept == {"c": 2}


def test_a_grammars_writer_keeps_what_was_made_of_an_object_and_the_object() -> None:
    out, made = Lark({}), []

    def make(number: int) -> int:
        made.append(number)
        return number

    one, other = {"type": "string"}, {"type": "string"}
    assert [out.keep((each,), "key", lambda: make(len(made))) for each in (one, one, other)] == [0, 0, 1]
    assert out.keep((one,), "another key", lambda: make(7)) == 7
    first = [out.keep(([number],), "key", lambda: make(9)) for number in range(100)]  # none has the identity of another
    assert len(made) == 103
    assert first == [9] * 100
