"""Values as literals: written, enforced and read, in the notations of several families."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest
from vocabulary import BYTES, accepts, cuts, matcher

from cortex.core.arguments.literal import JSON, Keywords, Literal
from cortex.core.arguments.shapes import list_of, only
from cortex.core.events import CallDelta
from cortex.core.lark import Lark
from cortex.core.scan import Cut, Mismatch, NeedText, Scanner

PYTHON = Literal()
SINGLE = Literal(quotes=("'", '"'), newline="\n", objects=JSON)
GEMMA = Literal(
    quotes=('<|"|>',), words=("true", "false", "null"), member="«key»:«value»", comma=",", alphabetical=True
)
NOTATIONS = {"python": PYTHON, "json": JSON, "single": SINGLE, "gemma": GEMMA}
every = pytest.mark.parametrize("literal", NOTATIONS.values(), ids=NOTATIONS.keys())

TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": 4},
                "sons": {"type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 2},
            },
            "required": ["name"],
            "additionalProperties": False,
        }
    },
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "text": {"type": "string", "description": "any"},
    "short": {"type": "string", "minLength": 2, "maxLength": 5},
    "pattern": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
    "enum": {"enum": ["C", "it's", 'say "F"', 3, True, None, ["a"], {"b": "c"}]},
    "const": {"const": "x\ny"},
    "number": {"type": "number", "minimum": 0, "maximum": 9},
    "nullable": {"type": ["boolean", "null"]},
    "any": {},
    "list": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3},
    "one": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 1},
    "none": {"type": "array", "maxItems": 0},
    "tuple": {
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "integer"}],
        "items": {"type": "boolean"},
        "minItems": 1,
        "maxItems": 4,
    },
    "pair": {"type": "array", "items": [{"type": "integer"}, {"type": "boolean"}], "additionalItems": False},
    "object": {
        "type": "object",
        "properties": {"zoo": {"type": "integer"}, "Ant": {"type": "string"}},
        "required": ["zoo"],
        "additionalProperties": {"type": "boolean"},
    },
    "either": {"type": "array", "items": {"oneOf": [{"type": "integer"}, {"const": "all"}, False]}},
    "both": {"type": ["integer", "null"], "anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]},
    "tree": TREE,
}
VALUES = [
    ("text", 'São\n\t"it\'s" \\d \x01'),
    ("pattern", "DE-12"),
    ("nullable", None),
    ("nullable", True),
    ("any", {"a": [1, "x", None, {"b": 0.5}], "c": {}, "d": []}),
    ("list", [1, -2, 3]),
    ("tuple", ["a", 1, True, False]),
    ("tuple", ["a"]),
    ("pair", [1]),
    ("object", {"Ant": "bee", "zoo": 1, "Zoo 2": True}),
    ("object", {"zoo": 1, "zoom": True}),
    ("either", ["all", 3]),
    ("both", 4),
    ("tree", {"name": "a", "sons": [{"name": "b"}, {"name": "c", "sons": []}]}),
]


def grammar(literal: Literal, schema: dict[str, Any]) -> str:
    out = Lark({})
    out.rule(f'"(" {literal.lark(out, schema, ")", lenient=True)}', "start")
    return str(out)


def value(literal: Literal, chunks: Any, schema: dict[str, Any] | None = None) -> str:
    """The JSON text that is read from what stands in brackets."""
    scan, parts = Scanner(), list[str]()

    def emit(text: str) -> CallDelta:
        parts.append(text)
        return CallDelta(0, text)

    def steps() -> Any:
        yield from scan.expect("(")
        yield from literal.read(scan, schema or {}, ")", emit)

    rest, reading = list(chunks), steps()
    for step in reading:
        if isinstance(step, NeedText):
            scan.text += rest.pop(0) if rest else ""
            scan.ended = not rest
    return "".join(parts)


@every
@pytest.mark.parametrize(("name", "given"), VALUES)
def test_what_is_written_is_accepted_and_read_back(literal: Literal, name: str, given: Any) -> None:
    if literal is GEMMA and name == "object" and "Zoo 2" in given:
        return  # a bare key has no space
    if literal.alphabetical and name == "object":
        given = {key: given[key] for key in ("Ant", "zoo", "zoom") if key in given}
    elif name == "object":
        given = {key: given[key] for key in ("zoo", "Ant", "Zoo 2", "zoom") if key in given}
    text = f"({literal.write(given)})"
    assert accepts(grammar(literal, SCHEMAS[name]), text), text
    for chunks in cuts(text):
        assert json.loads(value(literal, chunks, SCHEMAS[name])) == given


WRONG = [
    ("short", "a"),
    ("short", "abcdef"),
    ("pattern", "de-1"),
    ("enum", "K"),
    ("const", "x y"),
    ("number", 10),
    ("nullable", 1),
    ("list", []),
    ("list", [1, 2, 3, 4]),
    ("list", ["1"]),
    ("one", [True, True]),
    ("none", [1]),
    ("tuple", []),
    ("tuple", [1]),
    ("tuple", ["a", 1, True, True, True]),
    ("pair", [1, True, 2]),
    ("object", {"Ant": "bee"}),
    ("object", {"zoo": 1, "zoom": 2}),
    ("either", ["some"]),
    ("both", 2),
    ("tree", {"name": "a", "sons": [{"sons": []}]}),
]


@every
@pytest.mark.parametrize(("name", "given"), WRONG)
def test_what_breaks_the_schema_is_refused(literal: Literal, name: str, given: Any) -> None:
    assert not accepts(grammar(literal, SCHEMAS[name]), f"({literal.write(given)})")


@every
@pytest.mark.parametrize("name", SCHEMAS)
def test_whatever_the_grammar_allows_reads_back_as_a_value_of_the_schema(literal: Literal, name: str) -> None:
    text, chance, finished = grammar(literal, SCHEMAS[name]), random.Random(3), 0
    for _ in range(12):
        said = say(text, chance, literal.quotes[0])
        if said is not None:
            finished += 1
            found = json.loads(value(literal, [said], SCHEMAS[name]))
            jsonschema.validate(found, SCHEMAS[name], jsonschema.Draft7Validator if name == "pair" else None)
    assert finished


def say(text: str, chance: random.Random, quote: str, limit: int = 600) -> str | None:
    """What a model says that picks among what the grammar allows, and likes to end what it has begun; None if it finds
    no end."""
    state, out = matcher(text), bytearray()
    while len(out) < limit:
        bias = state.compute_logit_bias()
        allowed = [byte for byte in (*range(32, 127), 10) if bias[byte]]
        if bias[BYTES.eos_token] and not allowed:
            return out.decode()
        begun = next((n for n in range(len(quote) - 1, 0, -1) if out.endswith(quote[:n].encode())), 0)
        ends = [ord(quote[begun])] if begun else [ord(quote[0]), *b"\"'}])"]
        closing = [byte for byte in allowed if byte in ends]
        pick = chance.choice(closing if closing and chance.random() < 0.6 else allowed)
        state.consume_token(pick)
        out.append(pick)
    return None


def test_a_schema_that_nothing_follows_makes_an_empty_rule() -> None:
    assert not accepts(grammar(PYTHON, {"enum": []}), '("a")')


# Reading what models write

READ = [
    ('"a"', "a"),
    ("'a'", "a"),
    ('""', ""),
    ("'''a \"b\"\n'c' '''", "a \"b\"\n'c' "),
    ('"""a"""', "a"),
    ("'sed -n '1,2p' /x'", "sed -n '1,2p' /x"),
    ('"say "hi" now"', 'say "hi" now'),
    (r"'\d+ \' \" \\ \n \t \x41 é \U0001F600 \101 \/ \q'", "\\d+ ' \" \\ \n \t A é 😀 A / \\q"),
    (r'"😀"', "😀"),
    (r'"\U99999999 \xZZ"', r"\U99999999 \xZZ"),
    ("'a\\\nb'", "ab"),
    ("True", True),
    ("false", False),
    ("None", None),
    ("null", None),
    ("1", 1),
    ("+1", 1),
    ("0x1F", 31),
    ("1_000", 1000),
    ("-2.5e3", -2500.0),
    (".5", 0.5),
    ("1.", 1.0),
    ("1e999", float("inf")),
    (".9e999", ".9e999"),
    ("007", "007"),
    ("2024-01-15", "2024-01-15"),
    ("New York", "New York"),
    ("(1, 2,)", [1, 2]),
    ("()", []),
    ("[ ]", []),
    ("[1 2]", ["1 2"]),
    ("{'a': 1, b: 2, \"c\" : 'd',}", {"a": 1, "b": 2, "c": "d"}),
    ("{}", {}),
]


@pytest.mark.parametrize(("text", "meant"), READ)
def test_literals_are_read_as_they_are_meant_at_every_cut(text: str, meant: Any) -> None:
    for chunks in cuts(f"({text})"):
        assert json.loads(value(PYTHON, chunks)) == meant, chunks


CHOICES: list[tuple[str, dict[str, Any], Any]] = [
    ("12345", {"type": "string"}, "12345"),
    ("true", {"type": "string"}, "true"),
    ("true", {"type": ["string", "boolean"]}, True),
    ("12", {"type": "boolean"}, 12),
    ('"12"', {"type": "integer"}, 12),
    ("'true'", {"type": "boolean"}, True),
    ("'x'", {"type": "integer"}, "x"),
    ("[1]", {"type": "array", "items": {"type": "string"}}, ["1"]),
    ("[1, 2]", {"type": "array", "prefixItems": [{"type": "string"}]}, ["1", 2]),
    ("{n: 1}", {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"n": {"type": "string"}}}]}, {"n": "1"}),
    ("{n: 1}", {"type": "object", "additionalProperties": {"type": "string"}}, {"n": "1"}),
    ("{a b: 1}", {"type": "object", "properties": {"a b": {"type": "integer"}}}, {"a b": 1}),
    ("['1']", {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "array"}]}, ["1"]),
]


@pytest.mark.parametrize(("text", "schema", "meant"), CHOICES)
def test_where_the_text_leaves_a_choice_the_schema_decides(text: str, schema: dict[str, Any], meant: Any) -> None:
    for chunks in cuts(f"({text})"):
        assert json.loads(value(PYTHON, chunks, schema)) == meant


@pytest.mark.parametrize("text", ["(", "('a", "('a\\", "('a\\x4", "(1", "([1, ", "({'a", "({a: tru", '(""'])
def test_a_value_that_is_cut_off_says_so(text: str) -> None:
    with pytest.raises(Cut):
        value(PYTHON, [text])


@pytest.mark.parametrize("text", ["([,])", "({1, 2})", "({: 2})"])
def test_what_is_no_value_is_a_mismatch(text: str) -> None:
    with pytest.raises(Mismatch):
        value(PYTHON, [text])


def test_a_text_streams_as_it_comes() -> None:
    scan, parts = Scanner(), list[str]()

    def emit(text: str) -> CallDelta:
        parts.append(text)
        return CallDelta(0, text)

    reading = PYTHON.read(scan, {}, ")", emit)
    for char in "'abc":
        scan.text += char
        next(step for step in reading if isinstance(step, NeedText))
    assert "".join(parts) == '"abc'


def test_a_value_before_another_mark_ends_there() -> None:
    scan, parts = Scanner(), list[str]()
    scan.text, scan.ended = "two words</v> rest", True
    list(PYTHON.read(scan, {}, "</v>", lambda text: parts.append(text) or CallDelta(0, text)))
    assert ("".join(parts), scan.text) == ('"two words"', " rest")


# Arguments

PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}


def arguments(text: str, schema: dict[str, Any] = PLACE) -> str:
    scan, parts = Scanner(), list[str]()
    scan.text, scan.ended = text, True
    list(Keywords().read(scan, schema, ")", lambda text: parts.append(text) or CallDelta(0, text)))
    assert scan.text == ")"
    return "".join(parts)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("city='Paris', days=2)", {"city": "Paris", "days": 2}),
        ("city = Paris, days = '2',)", {"city": "Paris", "days": 2}),
        ('"Paris", 2)', {"city": "Paris", "days": 2}),
        ('"Paris", days=2)', {"city": "Paris", "days": 2}),
        (")", {}),
    ],
)
def test_arguments_come_with_their_keywords_or_in_order(text: str, meant: Any) -> None:
    assert json.loads(arguments(text)) == meant


@pytest.mark.parametrize("text", ["'a', 2, 3)", "city)", "'a' 'b'=1)"])
def test_what_is_no_argument_is_a_mismatch(text: str) -> None:
    with pytest.raises(Mismatch):
        arguments(text)


def test_arguments_keep_to_their_schema() -> None:
    out = Lark({})
    out.rule(Keywords().lark(out, PLACE, lenient=True), "start")
    assert accepts(str(out), 'city="Paris", days=2')
    assert not accepts(str(out), "days=2")
    assert not accepts(str(out), 'city="Paris", nights=2')


def test_arguments_as_text_are_passed_on() -> None:
    assert Keywords().write("city=") == "city="
    assert Keywords().write({"city": "Paris", "on": True}) == 'city="Paris", on=True'


# Gaps

GAPS: list[tuple[dict[str, Any], set[str]]] = [
    ({"type": "array", "uniqueItems": True}, {"uniqueItems"}),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, {"oneOf"}),
    ({"type": "array", "allOf": [{"minItems": 1}]}, {"allOf"}),
    ({"type": "object", "minProperties": 1, "const": {}}, {"minProperties"}),
    ({"type": "object", "allOf": [{"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}]}, {"allOf.0.anyOf"}),
    ({"type": "object", "properties": {"a": {"items": {"uniqueItems": True}}}}, {"properties.a.items.uniqueItems"}),
    ({"type": "array", "prefixItems": [{"contains": {}}]}, {"prefixItems.0.contains"}),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}, "contains": {}}}}, {"$ref.contains"}),
    ({"type": "string", "format": "duration"}, set()),
    (SCHEMAS["object"], set()),
]


@pytest.mark.parametrize(("schema", "missing"), GAPS)
def test_what_is_not_enforced_is_named(schema: dict[str, Any], missing: set[str]) -> None:
    assert {".".join(gap.path) for gap in PYTHON.gaps(schema)} == missing


def test_raw_texts_name_what_no_pattern_can_say() -> None:
    assert {str(gap.keyword) for gap in GEMMA.gaps({"type": "string", "format": "duration"})} == {"format"}
    assert {gap.keyword for gap in Keywords().gaps({"anyOf": [PLACE, {"type": "object"}]})} == {"anyOf"}


def test_the_alternative_that_fits_is_followed_only_so_deep() -> None:
    loop = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert only(loop, "object") == {}
    assert list_of({"maxItems": True, "minItems": 2.0}).least == 2
