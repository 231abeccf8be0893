"""Patterns: what they mean to the engine, and which mean nothing or too much."""

from __future__ import annotations

import json

import pytest
from vocabulary import accepts

from cortex.core.grammar import check
from cortex.core.regex import NoPattern, Unknown, translate

MEANT = [  # pattern, texts in which it is found, texts in which it is not
    ("a", ["xax"], ["x"]),
    ("^a|b$", ["ax", "xb"], ["xax", "bx"]),
    ("(^a|b$)", ["ax", "xb"], ["xax", "bx"]),
    ("(?:^|,)a(?:,|$)", ["a", "x,a", "a,x"], ["xa"]),
    ("^$", [""], ["a"]),
    ("^(a|)$", ["a", ""], ["b"]),
    ("^a.c$", ["abc"], ["a\nc", "a\rc", "a\u2028c"]),
    (r"^\d\D$", ["5x", "5\u0663"], ["\u0663x", "55"]),
    (r"^[\w-]\W$", ["a-", "-\u00e9"], ["\u00e9-"]),
    (r"^\s\S$", [" a", "\u00a0\u0085", "\ufeffx"], ["a ", "\u0085x", " \ufeff"]),
    (r"^[\s\S]*$", ["a\nb", ""], []),
    (r"^[^\s]$", ["a"], [" "]),
    ("^[[]$", ["["], ["]"]),
    ("^[a&&b]+$", ["a", "&b"], ["c"]),
    ("^[+--]$", ["+", ",", "-"], ["a"]),
    (r"^[\w-.]+$", ["a-."], ["+"]),
    (r"^[a-\d]+$", ["a-5"], ["b"]),
    ("^[a-]$", ["-", "a"], ["b"]),
    ("^[^]$", ["a", "\n"], [""]),
    ("^[^a]b$", ["cb"], ["ab"]),
    ("^a{,3}$", ["a{,3}"], ["aa"]),
    ("^a{$", ["a{"], ["a"]),
    ("^{a}]$", ["{a}]"], ["a"]),
    ("^a{2,3}b{2}c{1,}?$", ["aabbc", "aaabbcc"], ["abbc", "aabbb"]),
    ("^a+b*?c?$", ["a", "abbc"], ["b"]),
    (r"^\/\-\_\<\#\ $", ["/-_<# "], ["x"]),
    (r"^\cA\0\v\f$", ["\x01\x00\x0b\x0c"], ["x"]),
    (r"^\x41\u0042\u{43}$", ["ABC"], ["abc"]),
    (r"^\uD83D\uDC32[\uD83D\uDC33]$", ["\U0001f432\U0001f433"], ["x"]),
    (r"^[\b\n]$", ["\b", "\n"], ["b"]),
    (r"^(?<n>a)(?P<m>b)$", ["ab"], ["a"]),
    ("(?i)^abc$", ["ABC"], ["ABD"]),
    ("^(?i:a)b$", ["Ab"], ["AB"]),
    (r"^\p{L}\p{Script=Greek}\pN$", ["\u00e9\u03b11"], ["1\u03b11"]),
    (r"\Aa\Z", ["a"], ["ab"]),
    (r"\Aa\z", ["a"], ["xa"]),
    ('^[^"]+$', ["a\n"], ['"', 'a"']),
    (r"^[^\\]+$", ["a"], ["\\", "a\\"]),
    (r"^[^!-~]+$", ["\n"], ["\\", '"', "a"]),
    (r"^[\x00-\x5b\x5d-\x7f]+$", ["a\x01"], ["\\", "a\\n"]),
    (r'^"([^"\\]|\\.)*"$', ['"a\\"b"'], ['"a"b"', '"a\\"']),
]


@pytest.mark.parametrize(("pattern", "found", "lost"), MEANT, ids=[pattern for pattern, _, _ in MEANT])
def test_a_pattern_is_found_where_ecma_finds_it(pattern: str, found: list[str], lost: list[str]) -> None:
    grammar = check({"type": "string", "pattern": translate(pattern).text}, strict=True)
    for text in found:
        assert accepts(grammar, json.dumps(text, ensure_ascii=False)), text
    for text in lost:
        assert not accepts(grammar, json.dumps(text, ensure_ascii=False)), text


@pytest.mark.parametrize(
    "pattern", ["(", "(?:a", "a)", "[a", "[a\\", "[b-a]", "*a", "a|+", "a{3,2}", "a\\", "[\\x41-\\x40]", "[\\n-\\t]"]
)
def test_what_is_no_pattern_is_told(pattern: str) -> None:
    with pytest.raises(NoPattern):
        translate(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *("a^b", "a$b", "x(^a)", "(a$)b", "(^a)*", "^*", r"\bx", r"a\Bb", r"(a)\1", r"\k<n>", r"\y", r"[\q]", "[]"),
        *("(?=a)a", "(?!a)b", "(?<=a)b", "(?<!a)b", "a**", "a++", r"\uD83D", r"\u{110000}", r"\c1"),
    ],
)
def test_what_cannot_be_enforced_is_told(pattern: str) -> None:
    with pytest.raises(Unknown):
        translate(pattern)


@pytest.mark.parametrize(
    ("pattern", "shortest"),
    [("", 0), ("^abc$", 3), ("a|bcd", 1), ("(ab|c){3,5}", 3), ("a*b+c?", 1), (r"[ab]\d.", 3), (r"\u{1F432}", 1)],
)
def test_the_least_length_is_known(pattern: str, shortest: int) -> None:
    assert translate(pattern).shortest == shortest
