"""A client's own grammar, in llama.cpp's notation and in Lark: what it allows, and how a bad one is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex.core.errors import BadRequest, EngineError
from cortex.core.job import Part
from cortex.engines.constraint import Constraint, Grammars, byte_tokenizer

# After llama.cpp's own json.gbnf: rules over several lines, groups, ranges, escapes, comments, an empty alternative.
JSON = r"""
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws

object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws

array  ::= "[" ws ( value ("," ws value)* )? "]" ws

string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws

number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws

# at most one line's end
ws ::= | " " | "\n" [ \t]{0,20}
"""
CHESS = r"""root ::= "1. " move " " move "\n" ([1-9] [0-9]? ". " move " " move "\n")+
move    ::= (pawn | nonpawn | castle) [+#]?
nonpawn ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
pawn    ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
castle  ::= "O-O" "-O"?
"""


@pytest.fixture(scope="module")
def grammars() -> Grammars:
    return Grammars(byte_tokenizer())


def client(grammars: Grammars, grammar: str) -> Constraint:
    """As a job would have it compiled."""
    return grammars.compile(grammar, (Part("grammar", grammar),))


def allows(constraint: Constraint, text: str) -> bool:
    try:
        for byte in text.encode():
            constraint.consume(byte)
    except EngineError:
        return False
    return constraint.accepting


@pytest.mark.parametrize(
    ("grammar", "good", "bad"),
    [
        (JSON, '{"a": [1, -2.5e3, "x\\n\\u00e9", {"b": null}], "c": true}', '{"a": tru}'),
        (CHESS, "1. e4 e5\n2. Nf3 O-O\n", "1. e4 e5\n2. Nf9 O-O\n"),
        ('root ::= "yes" | "no"', "no", "maybe"),
        ('root ::= ("a" | "") "b"', "b", "a"),
        ('root ::= "x"{2,}', "xx", "x"),
        ('root ::= root "x" | "y"', "yxx", "xy"),
        ('a-rule ::= "x" # why\nroot ::= a-rule a-rule', "xx", "x"),
        (r'root ::= "\u00e9" [\u4e00-\u9fff]+', "é中文", "é!"),
        (r'root ::= "\U0001F600" "\x41"', "😀A", "😀B"),
        (r'root ::= "\u0022\u005c\x0a" [\u005d\x5b]', '"\\\n]', '"\\\nx'),
        (r'root ::= "\[x\]" [\[\]]', "[x]]", "x"),
        (r'root ::= "a/b" [/\n]', "a/b/", "a/bx"),
        ('root ::= . "."', "\n.", "\n!"),
        (r'root ::= [^\n.]+ "."', "a b.", "a\n."),
        ("root ::= \"start: 'a'\"", "start: 'a'", "a"),
        ('start: "a" /b+/', "abb", "a"),
        ('%llguidance {}\n\nstart: X "::="\nX: /[a-z]+/', "a::=", "a"),
        ('start: "root ::= x"', "root ::= x", "x"),
        ('start: %json {"type": "integer"}', "12", "a"),
    ],
)
def test_a_grammar_allows_what_it_says(grammars: Grammars, grammar: str, good: str, bad: str) -> None:
    assert allows(client(grammars, grammar), good)
    assert not allows(client(grammars, grammar), bad)


@pytest.mark.parametrize(
    ("grammar", "says"),
    [
        ("root ::= nothing", "'nothing' not found"),
        ('other ::= "x"', "No 'root'"),
        ('root ::= "a', "Unexpected end"),
        ('root ::= "a\\', "ends too early"),
        ("root ::= " + "(" * 5000, "recursion"),
        ('start ::= "a"\nroot ::= start', "already exists"),
        (r'root ::= "\q"', "escape"),
        (r"root ::= [z-a]", "invalid"),
        ("start: nothing", "nothing"),
        ("no grammar at all", "no grammar can be made"),
    ],
)
def test_a_grammar_that_is_none_is_refused_by_the_fields_name(grammars: Grammars, grammar: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        client(grammars, grammar)
    assert (caught.value.param, caught.value.code) == ("grammar", "invalid_grammar")


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from([*'ab"[]()|*+?{}.^-\\#/\n ,10', "::=", "root", "\\x", "\\u00e", "<", "é"]), max_size=25)
)
def test_whatever_a_client_writes_is_compiled_or_refused(grammars: Grammars, parts: list[str]) -> None:
    for grammar in ("root ::= " + "".join(parts), "start: " + "".join(parts)):
        try:
            client(grammars, grammar)
        except BadRequest as error:
            assert error.param == "grammar"


def test_a_kept_grammar_is_found_under_what_the_client_wrote() -> None:
    grammars = Grammars(byte_tokenizer())
    assert allows(client(grammars, 'root ::= "a"'), "a")
    assert allows(client(grammars, 'root ::= "a"'), "a")
    assert list(grammars._compiled) == ['root ::= "a"']
