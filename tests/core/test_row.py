"""Members in a row: every choice of them in their order, and nothing else; however many there are."""

from __future__ import annotations

from itertools import combinations

import pytest
from vocabulary import accepts

from cortex.core.lark import Lark, quote
from cortex.core.row import SHORT, row


def of(keys: str, required: str) -> str:
    """The grammar of `<a,b>`: these letters, some of which have to be there."""
    out = Lark({})
    first, more = (lambda key, before=before: quote(before + key) for before in "<,")
    body = row(out, keys, required, first, more, end=quote(">"), empty=quote("0"))
    out.rule(body, "start")
    return str(out)


@pytest.mark.parametrize("required", ["", "a", "b", "d", "bd", "abcd"])
def test_any_may_be_missing_that_is_not_required(required: str) -> None:
    made = of("abcd", required)
    for count in range(5):
        for some in combinations("abcd", count):
            text = f"<{','.join(some)}>" if some else "0"
            assert accepts(made, text) == (set(required) <= set(some)), text
    assert not accepts(made, "<b,a>")
    assert not accepts(made, "<a,a>")


@pytest.mark.parametrize("required", ["", "A", "a", "Z"])
def test_a_long_row_is_a_tree_of_the_same_language(required: str) -> None:
    keys = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    assert len(keys) > 3 * SHORT
    made = of(keys, required)
    for some in (keys, keys[::2], keys[1::2], keys[-3:], keys[:3], "AaZz", "AQRSTaZ", "Z", "a", "A"):
        text = f"<{','.join(sorted(some, key=keys.index))}>"
        assert accepts(made, text) == (set(required) <= set(some)), text
    assert not accepts(made, "<B,A>")
    assert not accepts(made, f"<{','.join(reversed(keys))}>")


def test_no_members_are_none() -> None:
    assert accepts(of("", ""), "0")
    assert not accepts(of("", ""), "<>")
