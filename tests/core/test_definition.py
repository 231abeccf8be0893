"""Definitions of custom tools: what their notation means, which are refused, and what a lexer would confuse."""

from __future__ import annotations

import json

import pytest
from vocabulary import accepts

from cortex.core.chat import Input
from cortex.core.defined.clash import Untold, confused, confused_in_quotes
from cortex.core.defined.definition import MOST, Letter
from cortex.core.defined.letters import holds, meet
from cortex.core.defined.source import NoDefinition, expression, read
from cortex.core.defined.write import quoted, raw
from cortex.core.lark import Lark
from cortex.core.regex import Unknown

MEANT = [  # definition in Lark, texts that follow it, texts that do not
    ('start: "a"', ["a"], ["", "aa"]),
    ('start: "a" "b"? "c"*', ["a", "ab", "abcc", "ac"], ["b", "abb"]),
    ('start: ("a" | "b")+', ["a", "ba"], ["", "c"]),
    ('start: ["a"] "b"', ["ab", "b"], ["a"]),
    ('start: "a"~2 "b"~1..3', ["aab", "aabbb"], ["ab", "aa", "aabbbb"]),
    ('start: "a"{2} "b"{1,2} "c"{2,} "d"{,1}', ["aabcc", "aabbcccd"], ["abcc", "aabc", "aabccdd"]),
    ("start: A | b\nA: \"x\"i\nb: /y/i\n", ["x", "X", "y", "Y"], ["xy"]),
    ('start: a\n  | "c" -> see\n// a comment\n# another\na: "a" | // "not"\n   "b"', ["a", "b", "c"], ["not"]),
    ("?start: _a\n!_a: B\nB: _C\n_C: /c/", ["c"], ["C"]),
    ("start: /./ /./s", ["a\n", "\r\x00"], ["\n\n", "a"]),
    (r"start: /\// /[\/]/ /\\/ /[^\n]/m", ["//\\x"], ["//\\\n"]),
    (r"start: /\d\D\s\S\w\W/u", ["1x yz.", '1"\t\\a"', "\u0663é\u00a0é_-"],
     ["x1 yz.", "1x\\yz.", '1"ayz.', "1x yzz", "1\u0663 yz.", "1x\ufeffyz.", "1x yzé"]),
    (r"start: /[^\D][^\d][^\S][^\s][^\W][^\w]/", ["1x yz.", '1"\t\\a"', "\u0663é\u00a0é_-"],
     ["x1 yz.", "1x\\yz.", "1x y..", "1\u0663 yz.", "1x\ufeffyz.", "1x yzé", "1x \x1fz."]),
    (r"start: /[\d\s]+[^\w\S]/", ["1 2 ", "\t1\n"], ["1", '1"', "a "]),
    (r"start: /\p{L}\P{L}\p{Lu}\pN[\p{P}]/", ['a"A1\\', "é\\É2!"], ["1aA1!", "aba1!", "a1A1a"]),
    (r"start: /[^\p{P}]\P{C}/", ["a!", '\n"'], ['"a', "a\n"]),
    (r'start: "\t\"\\\x41\u00e9\U0001F600\/"', ['\t"\\Aé\U0001f600/'], ["t"]),
    ('start: "a".."c" ["\\"".."$"]', ["a", "b#", 'c"'], ["d", "a%"]),
    ("start: A* \"x\"\nA: /a*/", ["x", "aax"], ["a"]),
    ('start: "" | "a"', ["", "a"], ["b"]),
    ("start: a a\na:\n |\"b\"", ["", "b", "bb"], ["bbb"]),
    ("start: (a?)~2\na: \"(\" a? \")\"", ["", "()", "(())()"], ["(", "()()()"]),
    ('start: "a" start | "b"', ["b", "aab"], ["a", "ba"]),
    ('start: start "a" | "b"', ["b", "baa"], ["a", "ab"]),
    ("start: x\nx: [y] | NUM\ny: \"-\" x\nNUM: /[0-9]/", ["1", "-", "--2", ""], ["12", "-1-"]),
    ('start: A B\nA: "a"\nB: "b"\n%ignore " "\n%ignore C\nC: "#" /[a-z]/', ["ab", " a b", "#xa #x b", "a#z b"],
     ["ab ", "a", "#ab"]),
    ("%import common.INT\n%import common.CNAME -> NAME\nstart: NAME INT", ["a_1 2".replace(" ", ""), "_9"], ["1"]),
    ("%import common (WS, SIGNED_NUMBER)\nstart: SIGNED_NUMBER WS", ["-1.5e3\n", ".5 "], ["1.5", "- 1 "]),
    ("%import common.C_COMMENT\nstart: C_COMMENT", ["/* a * b **/", "/**/"], ["/* a */ */", "/*/"]),
    ("%import common.ESCAPED_STRING\nstart: ESCAPED_STRING", ['"a\\"b"', '""', '"\\\\"'], ['"', '"a"b"', '"\n"']),
]  # fmt: skip


def follows(text: str, input: Input) -> tuple[bool, bool]:
    """Whether the text can be said in quotes, and raw."""
    grammars = []
    for rule in (quoted, lambda out, given: raw(out, given, ())):
        out = Lark({})
        out.rule(rule(out, input), "start")
        grammars.append(str(out))
    return accepts(grammars[0], json.dumps(text, ensure_ascii=False)), accepts(grammars[1], text)


@pytest.mark.parametrize(("source", "right", "wrong"), MEANT, ids=[row[0] for row in MEANT])
def test_a_grammar_means_what_lark_says(source: str, right: list[str], wrong: list[str]) -> None:
    input = Input("lark", source)
    assert [text for text in right if follows(text, input) != (True, True)] == []
    assert [text for text in wrong if follows(text, input) != (False, False)] == []


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        ("a|b", ["a", "b"], ["ab"]),
        ("^a$|^b", ["a", "b"], ["ab"]),
        ("^(^a|b$)$", ["a", "b"], ["ab"]),
        ("(?i)a.", ["Ab"], ["a\n"]),
        ("(?si)a.", ["A\n"], ["b"]),
        ("(?i:a)b", ["Ab"], ["aB"]),
        ("a{2}b{1,2}c{2,}", ["aabcc", "aabbccc"], ["abcc", "aabc"]),
        ("[^]", ["a", "\n", '"', "\\"], ["", "ab"]),
        ('[^"\\\\]+', ["a\n\x01"], ['"', "\\"]),
        ("\n\r\t", ["\n\r\t"], ["nrt"]),
        ("", [""], ["a"]),
    ],
)
def test_a_regular_expression_holds_for_the_whole_text(pattern: str, right: list[str], wrong: list[str]) -> None:
    input = Input("regex", pattern)
    assert [text for text in right if follows(text, input) != (True, True)] == []
    assert [text for text in wrong if follows(text, input) != (False, False)] == []


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "has no rule 'start'"),
        ("begin: A\nA: /a/", "has no rule 'start'"),
        ("start: A", "'A', which is not defined"),
        ("start: a\na: b", "needs 'b'"),
        ('start: A\nA: b\nb: "x"', "cannot be made of rules"),
        ("start: A\nA: /a/ A?", "cannot lead back to itself"),
        ('start: "a"\nstart: "b"', "line 2, at 'start: \"b\"': this is defined already"),
        ('start: "a', "means nothing here"),
        ("start: $", "line 1, at '$'"),
        ("start: (A", ") must stand here"),
        ("start: A )", "name must stand here"),
        ('start "a"', ": must stand here"),
        ('start.2: "a"', "priorities and templates"),
        ('start: "a"\nA.1: "b"', "priorities and templates"),
        ('x{a}: a\nstart: x{"b"}', "priorities and templates"),
        ('start: "a"{3,2}', "the wrong way round"),
        ('start: "a"~3..2', "the wrong way round"),
        ('start: "a"~x', "number must stand here"),
        ('start: "a"{x}', "number must stand here"),
        ('start: "ab".."c"', "from one character to a later one"),
        ('start: "b".."a"', "from one character to a later one"),
        ('start: "a"..b', "string must stand here"),
        ("start: /a/x", "the flag 'x'"),
        ("start: /(?=a)/", "no such regular expression"),
        ("start: /a*?/", "lazy quantifier '*?'"),
        ("start: /^a/", "'^'"),
        ("start: /a$/", "'$'"),
        ("start: /[b-a]/", "goes backwards"),
        ("start: /a)/", "too many"),
        (r"start: /\p{Greek}/", r"'\p{Greek}' cannot be enforced"),
        ("%import common.NOTHING\nstart: NOTHING", "no such terminal"),
        ("%import .other.A\nstart: A", "only %ignore and %import common"),
        ("%declare A\nstart: A", "only %ignore and %import common"),
        ("%override start: A", "only %ignore and %import common"),
        ("start: <token>", "name must stand here"),
        ("start: " + '("ab"~100)~600', "of this size"),
    ],
)
def test_a_grammar_that_cannot_be_followed_is_refused_with_its_line(source: str, says: str) -> None:
    with pytest.raises(NoDefinition) as caught:
        read(Input("lark", source))
    assert says in str(caught.value)


@pytest.mark.parametrize("pattern", ["a)", "(a", "a^b", "(?!a)", "a+?", r"\bx", r"\p{Greek}", f"a{{{MOST + 1}}}"])
def test_a_regular_expression_that_cannot_be_followed_is_refused(pattern: str) -> None:
    with pytest.raises(NoDefinition):
        read(Input("regex", pattern))


def test_rules_used_twice_count_twice_and_once_each_to_the_reader() -> None:
    doubling = "\n".join(f"a{n}: a{n + 1} a{n + 1}" for n in range(40))
    with pytest.raises(NoDefinition, match="of this size"):
        read(Input("lark", f'start: a0\n{doubling}\na40: "x"'))


# Letters


def letter(pattern: str) -> Letter:
    item = expression(pattern)
    while not isinstance(item, Letter):
        (item,) = getattr(item, "options", None) or item.items  # type: ignore[union-attr]
    return item


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("[a-f]", "[e-z]", True),
        ("[a-f]", "[g-z]", False),
        ("(?i)A", "a", True),
        ("[^a]", "a", False),
        ("[^a]", "[ab]", True),
        ("[^a]", "[^b]", True),
        (r"\d", "[0-9]", True),
        (r"\d", "a", False),
        (r"\D", r"\d", False),
        (r"\w", r"[^a]", True),
        (r"[^]", "x", True),
        (r"[^]", r"[^]", True),
        (r"[\u0400-\u04ff]", r"[^\u0000-\u0400]", True),
        (r"[\u0400-\u04ff]", r"[^\u0400-\u04ff]", False),
        (r"[\u0400-\u07ff]", r"[^\u0400-\u07f0]", True),
        (r"[\u0400-\u04ff]", r"\p{Lu}", True),
        ("ß", "(?i)ß", True),
    ],
)
def test_two_letters_meet_where_a_character_can_be_both(one: str, other: str, may: bool) -> None:
    assert meet(letter(one), letter(other)) is may
    assert meet(letter(other), letter(one)) is may


def test_a_letter_of_which_nothing_is_known_says_so() -> None:
    with pytest.raises(Unknown):
        holds(letter(r"\p{Script=Greek}"), "a")


# What a lexer confuses

TREE = 'start: "(" start* ")" | LEAF\nLEAF: '


@pytest.mark.parametrize(
    ("source", "double", "single"),
    [
        ('start: "\\"" /[^"]*/ "\\""', False, False),
        ('start: (WORD | "\\"" start "\\"")*\nWORD: /[a-z]+/', False, False),
        ('start: (WORD | "\\"" start "\\"")*\nWORD: /[a-z\\n]+/', True, False),
        ('start: (WORD | "\'" start "\'")*\nWORD: /[a-z\\n]+/', False, True),
        ('start: (WORD | "\\n" start "\\n")*\nWORD: /[a-z]+\\t?/', True, True),
        ('start: (WORD | "\\n" start "\\n")*\nWORD: /[a-z]+\\n?/', False, False),
        ('start: (WORD | "\\"" start "\\"")*\nWORD: /[a-z]|a\\n/', True, False),
        (TREE + "/[^()]+/", False, False),
    ],
)
def test_two_escapes_meet_where_one_lexeme_may_go_on_and_the_next_begin(
    source: str, double: bool, single: bool
) -> None:
    input = Input("lark", source)
    assert (confused_in_quotes(input), confused_in_quotes(input, "'")) == (double, single)


@pytest.mark.parametrize(
    ("leaf", "close", "marks", "may"),
    [
        ("/[a-z]+/", "\n</p>", ("</p>",), False),
        ("/[^()]+/", "\n</p>", ("</p>",), True),
        ("/[^()]/", "</p>", ("</p>",), True),
        ('"<" | "/p" | ">"', "\n</p>", ("</p>",), True),
        ('"<" | "/q" | ">"', "\n</p>", ("</p>",), False),
        ('"<" | /[a-z ]+/', "", ("<[a-z]+ ?x",), True),
        ('"<" | /[a-z]+/', "", ("<[a-z]+ x",), False),
        ("/[a-z]+/", "x", (), True),
        ("/[a-z]+/", "1", (), False),
    ],
)
def test_what_closes_a_text_must_not_come_out_of_several_lexemes(
    leaf: str, close: str, marks: tuple[str, ...], may: bool
) -> None:
    assert confused(Input("lark", TREE + leaf), close, marks) is may


def test_a_last_lexeme_that_may_go_on_into_what_closes_the_text_is_told() -> None:
    assert confused(Input("lark", 'start: "-" start | /[0-9 ]+/'), " end", ())
    assert not confused(Input("lark", 'start: "-" start | /[0-9]+/'), " end", ())
    assert confused(Input("lark", 'start: start "-" | /[0-9]+\\n?/'), "\n", ())


def test_a_definition_that_is_too_intricate_to_be_judged_is_refused() -> None:
    counting = 'start: "(" start ")" | /[ab]*a' + "[ab]" * 14 + "/"
    with pytest.raises(Untold, match="too intricate"):
        confused_in_quotes(Input("lark", counting))
