"""Arguments one by one, their values in the raw: what the grammar lets pass is read back as a value of the schema."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from replies import read
from vocabulary import accepts, cuts

from cortex.core import grammar
from cortex.core.arguments.ends import barred
from cortex.core.arguments.items import Items
from cortex.core.arguments.literal import Literal
from cortex.core.arguments.raw import Raw
from cortex.core.arguments.shapes import lost
from cortex.core.arguments.texts import exact, gaps, is_sure, typed
from cortex.core.chat import Schema, Tool
from cortex.core.dialect import Dialect, Notation
from cortex.core.members import Source
from cortex.core.parse import Reading
from cortex.core.place import Gap
from cortex.core.rules import Rules
from cortex.core.schema import arguments

TAGS = Items("<p=«key»>\n«value»\n</p>\n", values=Raw(stops=("<p=«key»>", "</f>\n</call>"), words=True))
TAGGED = Dialect(
    "tagged", Notation(begin="<call>\n", call="<f=«name»>\n«arguments»</f>", end="\n</call>", arguments=TAGS)
)
MARKED = {"</p>": 300, "<call>": 301, "</call>": 302}

TEXT: Schema = {"type": "string"}
NULLABLE: Schema = {"anyOf": [TEXT, {"type": "null"}]}
MIXED: Schema = {"type": ["string", "integer"]}
ABOVE: Schema = {"anyOf": [TEXT, {"type": "integer", "minimum": 10}]}
LISTED: Schema = {"enum": ["1", "a b", 2, None, True]}
COLOUR: Schema = {"$ref": "#/$defs/Colour"}
LIST: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}
OBJECT: Schema = {"anyOf": [TEXT, {"type": "object", "additionalProperties": TEXT}]}
LETTERS: Schema = {"anyOf": [{"type": "string", "pattern": "^[a-f]+$"}, {"type": "null"}, {"type": "integer"}]}
BOTH: Schema = {"allOf": [{"type": "string", "pattern": "^a"}, {"pattern": "z$", "maxLength": 3}]}
DEFS = {"Colour": {"type": "string", "enum": ["red", "light blue"]}}


def tool(schema: Schema) -> Tool:
    return Tool("f", "", {"type": "object", "properties": {"v": schema, "w": TEXT}, "required": ["v"], "$defs": DEFS})


def call(*values: str) -> str:
    items = "".join(f"<p={key}>\n{value}\n</p>\n" for key, value in zip("vw", values, strict=False))
    return f"<call>\n<f=f>\n{items}</f>\n</call>"


def value(text: str, schema: Schema | None) -> Any:
    """The value that is read, the same at every cut; None for the schema: the tools are not known."""
    names = None if schema is None else {"f": arguments(tool(schema))}
    found = {said(read(TAGGED, chunks, Reading(names, free=True))) for chunks in cuts(text)}
    assert len(found) == 1, found
    return json.loads(found.pop())


def said(reply: Any) -> str:
    assert [one.complete for one in reply.calls] == [True], reply
    return str(reply.calls[0].arguments)


@pytest.mark.parametrize(
    ("schema", "text", "want"),
    [
        (TEXT, "12345", "12345"),
        (TEXT, "a\n\nb\n", "a\n\nb\n"),
        (TEXT, "", ""),
        (TEXT, '"quoted"', '"quoted"'),
        (TEXT, "<p> </q> <p=", "<p> </q> <p="),
        ({}, "7", "7"),
        ({"description": "anything"}, '{"a": 1}', '{"a": 1}'),
        (NULLABLE, "null", None),
        (NULLABLE, "None", None),
        (NULLABLE, "nullable", "nullable"),
        (NULLABLE, "no", "no"),
        (MIXED, "5", 5),
        (MIXED, "5 apples", "5 apples"),
        (MIXED, "3.5", "3.5"),
        (ABOVE, "12", 12),
        (ABOVE, "about 3", "about 3"),
        (LISTED, "1", "1"),
        (LISTED, "2", 2),
        (LISTED, "a b", "a b"),
        (LISTED, "null", None),
        (LISTED, "True", True),
        (COLOUR, "light blue", "light blue"),
        (LIST, "[a-z]+", "[a-z]+"),
        (LIST, '["</p>", "b"]', ["</p>", "b"]),
        (LIST, "plain", "plain"),
        (OBJECT, '{"a": "\n</p>"}'.replace("\n", "\\n"), {"a": "\n</p>"}),
        (OBJECT, '{"a": "<p=w>", "b": "</f></call>"}', {"a": "<p=w>", "b": "</f></call>"}),
        (OBJECT, "{x}", "{x}"),
        (LETTERS, "fade", "fade"),
        (LETTERS, "12", 12),
        (LETTERS, "None", None),
        (BOTH, "abz", "abz"),
        ({"const": "x y"}, "x y", "x y"),
        ({"type": "string", "pattern": "[0-9]x"}, "a 1x b", "a 1x b"),
        ({"type": "string", "pattern": "^a|b$"}, "xxb", "xxb"),
        ({"type": "string", "pattern": "(^a$|^b$)"}, "b", "b"),
        ({"type": "string", "pattern": "(?i)^ab$"}, "aB", "aB"),
        ({"type": "string", "pattern": "^(?:a|[)^$|]b)$"}, "|b", "|b"),
        ({"type": "string", "pattern": "(^a)(b$)|c"}, "xcx", "xcx"),
        ({"type": "string", "pattern": "^(a)(b)$"}, "ab", "ab"),
        ({"type": "string", "format": "ipv6"}, "::1", "::1"),
        ({"type": "string", "format": "ipv4"}, "10.0.0.255", "10.0.0.255"),
        ({"type": "string", "minLength": 2, "maxLength": 3}, "éé", "éé"),
        ({"type": "string", "format": "date"}, "2024-02-29", "2024-02-29"),
        ({"type": "string", "format": "date-time"}, "2024-05-31T10:00:00Z", "2024-05-31T10:00:00Z"),
        ({"type": "boolean"}, "False", False),
        ({"type": "boolean"}, "true", True),
        ({"type": "number"}, "-0.5", -0.5),
        ({"type": ["integer", "null"]}, "None", None),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, '{"a": 1, "b": 2}', {"a": 1, "b": 2}),
        ({"type": ["string", "boolean"], "maxLength": 2}, "true", True),
    ],
)
def test_what_the_grammar_lets_pass_is_read_as_a_value_of_the_schema(schema: Schema, text: str, want: Any) -> None:
    for values in ((text,), (text, "z")):
        written = call(*values)
        assert accepts(grammar.build(TAGGED, Rules((tool(schema),), must=True), {}), written)
        got = value(written, schema)
        assert got == dict(zip("vw", (want, "z"), strict=False)) or got == {"v": want}
        jsonschema.validate(got, tool(schema).parameters)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (TEXT, "a</p>b"),
        (TEXT, "a <p=w> b"),
        (TEXT, "a</f></call>b"),
        (ABOVE, "3"),
        (LISTED, "3"),
        (LISTED, "true "),
        (COLOUR, "green"),
        (LIST, "[1]"),
        (OBJECT, '{"a": 1}'),
        (LETTERS, "xyz"),
        (LETTERS, "1.5"),
        (BOTH, "abbz"),
        (BOTH, "bz"),
        ({"const": "x y"}, "x"),
        ({"type": "string", "enum": ["a"], "const": "b"}, "a"),
        ({"type": "string", "pattern": "[0-9]x"}, "0 x"),
        ({"type": "string", "pattern": "^a|b$"}, "xab "),
        ({"type": "string", "minLength": 2, "maxLength": 3}, "a"),
        ({"type": "string", "minLength": 2, "maxLength": 3}, "abcd"),
        ({"type": "string", "format": "date"}, "2023-02-29"),
        ({"type": "boolean"}, "yes"),
        ({"type": "boolean", "const": True}, "False"),
        ({"type": "integer"}, "1.5"),
    ],
)
def test_other_values_are_refused(schema: Schema, text: str) -> None:
    assert not accepts(grammar.build(TAGGED, Rules((tool(schema),), must=True), {}), call(text))


@pytest.mark.parametrize(
    ("schema", "text", "want"),
    [
        (None, "<f=f><p=v>5</p></f>", {"v": "5"}),
        (None, "<f=f><p=v>a <p=w>5</p></f>", {"v": "a ", "w": "5"}),
        (TEXT, "<f=f>\n<p=v>\na\n<p=w>\nb\n</f>", {"v": "a", "w": "b"}),
        (TEXT, "<f=f><p=v>a</f></p></f>", {"v": "a</f>"}),
        ({"enum": ["a b"]}, '<f=f><p=v> "a b" </p></f>', {"v": "a b"}),
        ({"type": "integer"}, "<f=f><p=v>five</p></f>", {"v": "five"}),
        ({"type": "integer"}, "<f=f><p=v>007</p></f>", {"v": 7}),
        ({"type": "integer"}, "<f=f><p=v>NaN</p></f>", {"v": "NaN"}),
        ({"type": "number"}, "<f=f><p=v>+0</p></f>", {"v": 0}),
        ({"type": "boolean"}, "<f=f><p=v>TRUE</p></f>", {"v": True}),
        ({"type": "array"}, "<f=f><p=v>['it\\'s', \"q\\\"\", 'w\"', (1, None), {'k': True,},]</p></f>",
         {"v": ["it's", 'q"', 'w"', [1, None], {"k": True}]}),
        ({"type": "array"}, "<f=f><p=v>['a\nb', 'c\\d\\n']</p></f>", {"v": ["a\nb", "c\\d\n"]}),
        ({"type": "array"}, "<f=f><p=v>[1, 2</p></f>", {"v": [1, 2]}),
        ({"type": "object"}, '<f=f><p=v>{"a": [1, {"b": 2</p><p=w>c</p></f>', {"v": {"a": [1, {"b": 2}]}, "w": "c"}),
        ({"type": "object"}, "<f=f><p=v>{not json}</p></f>", {"v": "{not json}"}),
        ({"type": "array"}, '<f=f><p=v>[{\\"a\\": 1}]</p></f>', {"v": [{"a": 1}]}),
        ({"type": "object"}, "<f=f><p=v>{}</p></f>", {"v": {}}),
        (OBJECT, '<f=f><p=v>{"a": "b"} and more</p></f>', {"v": '{"a": "b"} and more'}),
        (False, "<f=f><p=v>x</p></f>", {"v": "x"}),
        ({"type": ["string", "array"]}, "<f=f><p=v>['a']</p></f>", {"v": "['a']"}),
    ],
)  # fmt: skip
def test_free_output_is_read_as_tolerantly_as_is_sensible(schema: Schema | None, text: str, want: Any) -> None:
    assert value(f"<call>{text}</call>", schema) == want


def test_a_text_streams_as_it_comes_where_it_can_be_nothing_else() -> None:
    for schema in (TEXT, NULLABLE, {}):
        reply = read(TAGGED, ["<call><f=f><p=v>some words</"], Reading({"f": arguments(tool(schema))}))
        assert [(one.arguments, one.complete) for one in reply.calls] == [('{"v": "some words', False)]
    reply = read(TAGGED, ["<call><f=f><p=v>nul"], Reading({"f": arguments(tool(NULLABLE))}))
    assert reply.calls[0].arguments == '{"v": '


def test_lists_and_objects_stream_as_they_come() -> None:
    names = {"f": arguments(tool({"type": "array"}))}
    for chunks in (["<call><f=f><p=v>[1, {'a': 'b"], ["<call><f=f><p=v>", "[", "1,", " {", "'a': 'b"]):
        assert read(TAGGED, chunks, Reading(names)).calls[0].arguments == '{"v": [1, {"a": "b'


def test_closing_texts_may_be_tokens() -> None:
    text = grammar.build(TAGGED, Rules((tool(TEXT),), must=True), MARKED)
    assert "<[300]>" in text
    assert r"~/((?s:.*)<\/p>(?s:.*)" in text


def test_values_are_written_as_the_family_writes_them() -> None:
    given = {"a": True, "b": None, "c": 1, "d": [True, "é"], "e": "x"}
    assert [Raw().write(each) for each in given.values()] == ["true", "null", "1", '[true, "é"]', "x"]
    assert [Raw(words=True).write(each) for each in given.values()] == ["True", "None", "1", '[true, "é"]', "x"]
    python = Raw(words=True, literals=True)
    assert [python.write(each) for each in given.values()] == ["True", "None", "1", "[True, 'é']", "x"]


@pytest.mark.parametrize("pattern", [r"a(?=b)", r"a\bc", "a(", "a)", "x^y", "a{1,600}b{1,600}"])
def test_patterns_that_are_not_known_are_gaps(pattern: str) -> None:
    assert exact(pattern) is None
    assert [gap.path for gap in gaps({"type": "string", "pattern": pattern})] == [("pattern",)]


def test_what_is_not_enforced_in_raw_text_is_named() -> None:
    schema = {
        "anyOf": [
            {"type": "string", "format": "hostname", "maxLength": 100_000, "not": {"const": "x"}},
            {"$ref": "#/$defs/part"},
            {"type": "integer", "not": {"const": 3}},
            True,
        ],
        "$defs": {"part": {"type": "string", "pattern": r"\bx", "minLength": 1, "anyOf": [{"$ref": "#/$defs/part"}]}},
    }
    assert [gap.path for gap in gaps(schema)] == [
        ("anyOf", "0", "not"),
        ("anyOf", "0", "maxLength"),
        ("anyOf", "0", "format"),
        ("anyOf", "1", "$ref", "pattern"),
    ]
    assert accepts(
        grammar.build(TAGGED, Rules((tool({"type": "string", "maxLength": 100_000}),), must=True), {}), call("a")
    )


def test_gaps_of_arguments_are_those_of_the_object_and_of_its_texts() -> None:
    schema = {"properties": {"a": {"type": "string", "format": "hostname"}, "b": TEXT}, "minProperties": 1}
    paths = [gap.path for gap in TAGS.gaps(schema)]
    assert paths == [("minProperties",), ("properties", "a", "format")]
    assert Gap(("minProperties",), TAGS.gaps(schema)[0].reason) in TAGS.gaps(schema)


def test_lists_as_in_python_are_read_where_no_text_may_stand() -> None:
    assert typed(" ['a', (1,)]", {"type": "array"}) == '["a", [1]]'
    assert typed("['a'] b", {"type": "array"}) == "\"['a'] b\""


def test_schemas_that_are_no_objects_allow_all_or_nothing() -> None:
    assert typed("5", {"anyOf": [False, True]}) == '"5"'
    assert typed("5", {"anyOf": [False, {"type": "integer"}]}) == "5"
    assert list(barred("", (), token=False)) == []
    assert Items("«key»=«value»;", values=Literal()).gaps({"properties": {"a": {"format": "x"}}}) == []


def test_references_that_lead_nowhere_or_round_allow_anything() -> None:
    assert typed("5", {"$ref": "#/nowhere"}) == "5"
    loop = {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "string"}]}}}
    assert typed("x", loop) == '"x"'


PATH: Schema = {"type": "string", "pattern": "a|b(?=c)"}  # of which something is lost


@pytest.mark.parametrize(
    ("schema", "sure"),
    [
        ({"type": "string", "title": "x"}, True),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 2}, True),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, True),
        ({"type": "object", "properties": {"a": {"enum": [1]}}, "additionalProperties": {"type": "string"}}, True),
        ({"type": "array", "items": PATH}, False),
        ({"type": "array", "items": [PATH]}, False),
        ({"anyOf": [PATH, {"type": "null"}]}, False),
        ({"anyOf": [True]}, False),
        ({"type": "object", "properties": {"a": PATH}}, False),
        ({"type": "object", "properties": {"a": False}}, False),
        ({"type": "object", "additionalProperties": PATH}, False),
        ({"type": "array", "uniqueItems": True}, False),
    ],
)
def test_what_is_sure_loses_nothing(schema: Schema, sure: bool) -> None:
    assert is_sure(schema) == sure
    assert not (sure and [*lost(schema, Source(schema), raw=True)])
