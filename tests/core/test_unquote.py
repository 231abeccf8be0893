"""The text of a custom call comes out of its JSON in whole characters, wherever the JSON is cut."""

from __future__ import annotations

import json

import pytest
from vocabulary import cuts

from cortex.core.unquote import Unquote, unquoted

TEXTS = ["", "plain", 'a "b" \\ c', "\n\r\t\b\f\x00\x7f", "é \u2028 \U0001f600\U0001f600", '"}', "/"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ascii", [True, False])
def test_every_text_comes_back_however_it_is_cut(text: str, ascii: bool) -> None:
    said = json.dumps({"input": text}, ensure_ascii=ascii)
    assert unquoted(said) == text
    for pieces in cuts(said):
        reader = Unquote()
        assert "".join(reader.feed(piece) for piece in pieces) == text


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("", ""),
        ("{", ""),
        ('{"input', ""),
        ('{"input": ', ""),
        ('{ "input" :\n"a', "a"),
        ('{"input": "a\\', "a"),
        ('{"input": "a\\u00', "a"),
        ('{"input": "a\\ud83d', "a"),
        ('{"input": "a\\ud83d\\', "a"),
        ('{"input": "a\\ud83d\\ude', "a"),
        ('{"input": "a\\ud83d\\n', "a\ufffd\n"),
        ('{"input": "a\\ud83dx', "a\ufffdx"),
        ('{"input": "a\\ude00"}', "a\ufffd"),
        ('{"input": "a\\/b"}', "a/b"),
        ('{"input": "a"} and more "words"', "a"),
        ("{}", ""),
    ],
)
def test_what_is_not_whole_waits_and_half_a_character_is_none(said: str, text: str) -> None:
    assert unquoted(said) == text
    for pieces in cuts(said):
        reader = Unquote()
        assert "".join(reader.feed(piece) for piece in pieces) == text
