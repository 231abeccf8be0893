"""Arguments as elements within elements, as what they are said to be, or between marks: what the grammar lets pass is
read back as a value of the schema."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest
from replies import read
from test_random_model import Model
from vocabulary import Marked, accepts, cuts

from cortex.core import grammar
from cortex.core.arguments.items import Items
from cortex.core.arguments.nested import Nested
from cortex.core.arguments.quoted import Quoted
from cortex.core.chat import Schema, Tool
from cortex.core.dialect import Dialect, Notation
from cortex.core.lark import Lark
from cortex.core.members import elements
from cortex.core.parse import Reading
from cortex.core.rules import Rules
from cortex.core.schema import arguments

TREE = Dialect("tree", Notation("!f «name»;«arguments»!end", arguments=Nested("!<«key»>«value»!</«key»>")))
SAID = Dialect(
    "said",
    Notation("!f «name»;«arguments»!end", arguments=Items("«key» is «type»:«value»;", types={"string": "T", "": "J"})),
)
CDATA = Dialect(
    "cdata",
    Notation("!f «name»;«arguments»!end", arguments=Items("«key»=«value»;", values=Quoted("[[", "]]", special=";\n"))),
)
TEXT: Schema = {"type": "string"}
NODE: Schema = {
    "type": "object",
    "properties": {"name": TEXT, "inner": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["name"],
}
EITHER: Schema = {"anyOf": [{"type": "array", "items": {"type": "integer"}}, TEXT, {"type": "null"}]}
BOTH: Schema = {"type": ["object", "array"], "properties": {"a": TEXT, "item": TEXT}, "items": {"type": "boolean"}}
MAP: Schema = {"type": "object", "additionalProperties": {"type": "integer"}}
LISTED: Schema = {"enum": ["a", "1", 2]}


def tool(schema: Schema) -> Tool:
    return Tool("f", "", {"type": "object", "properties": {"v": schema}, "required": ["v"], "$defs": {"node": NODE}})


def values(dialect: Dialect, schema: Schema | None, text: str) -> Any:
    """The arguments of the one call in this text, the same at every cut."""
    names = {"f": {} if schema is None else arguments(tool(schema))}
    found = []
    for chunks in cuts(text):
        reply = read(dialect, chunks, Reading(names))
        assert not reply.text
        found.append([(call.arguments, call.complete) for call in reply.calls])
    assert all(one == found[0] for one in found)
    [(given, complete)] = found[0]
    return json.loads(given) if complete else given


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (TEXT, "a < b"),
        (EITHER, [1, 2]),
        (EITHER, "x"),
        (BOTH, {"a": "x"}),
        (BOTH, [True, False]),
        (MAP, {"x": 1, "y": -2}),
        ({"$ref": "#/$defs/node"}, {"name": "a", "inner": [{"name": "b", "inner": [{"name": "c"}]}, {"name": "d"}]}),
        ({}, {"a": ["x", {"b": "y"}]}),
        ({"allOf": [{"type": "array"}, {"items": TEXT}]}, ["a"]),
        (LISTED, 2),
        (LISTED, "a"),
        ({"type": "number"}, 2.5),
    ],
)
def test_a_tree_that_is_written_is_accepted_and_read_back(schema: Schema, value: Any) -> None:
    text = TREE.write([("f", {"v": value})])
    assert accepts(grammar.build(TREE, Rules([tool(schema)], must=True), {}), text)
    assert values(TREE, schema, text) == {"v": value}


@pytest.mark.parametrize(
    ("schema", "inner"),
    [
        (EITHER, "!<item>x!</item>"),
        (BOTH, "!<item>x!</item>"),
        (MAP, "!<x>one!</x>"),
        (NODE, "!<inner>!</inner>"),
        (LISTED, "3"),
        ({"type": "array", "minItems": 2}, "!<item>x!</item>"),
    ],
)
def test_a_tree_that_breaks_the_schema_is_refused(schema: Schema, inner: str) -> None:
    text = f"!f f;!<v>{inner}!</v>!end"
    assert not accepts(grammar.build(TREE, Rules([tool(schema)], must=True), {}), text)


@pytest.mark.parametrize(
    ("schema", "inner", "want"),
    [
        ({"type": "array"}, "", []),
        ({"type": "object"}, " ", {}),
        ({"type": "integer"}, "", ""),
        (EITHER, "", ""),
        (EITHER, "null", None),
        (EITHER, "7", "7"),
        ({"type": "integer"}, "007", 7),
        (MAP, "!<x>1!</x>!<x>2!</x>", {"x": [1, 2]}),
        ({}, "7", "7"),
        ({}, "!<item>a!</item>!<b>c!</b>", {"item": "a", "b": "c"}),
        (MAP, "\n !<x>\n1!</x>\n", {"x": 1}),
    ],
)
def test_what_models_write_in_a_tree_is_read_by_the_schema(schema: Schema, inner: str, want: Any) -> None:
    assert values(TREE, schema, f"!f f;!<v>{inner}!</v>!end") == {"v": want}


def test_a_tree_of_any_depth_is_read() -> None:
    deep = 3000
    text = f"!f f;!<v>{'!<n>' * deep}x{'!</n>' * deep}!</v>!end"
    [call] = read(TREE, [text], Reading({"f": {}})).calls
    assert call.complete
    assert call.arguments == '{"v": ' + '{"n": ' * deep + '"x"' + "}" * deep + "}"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("!f f;", ""),
        ("!f f;!<v>ab", '{"v": "ab'),
        ("!f f;!<v>ab!</v>", '{"v": "ab"'),
        ("!f f;!<v>ab!</v", '{"v": "ab"'),
    ],
)
def test_a_tree_that_is_cut_off_stays_open(text: str, want: str) -> None:
    assert values(TREE, TEXT, text) == want


def test_a_member_that_is_null_is_left_out_of_a_tree() -> None:
    assert TREE.write([("f", {"v": None, "w": [None, 1]})]) == "!f f;!<w>!<item>!</item>!<item>1!</item>!</w>!end"
    assert TREE.write([("f", "as it is")]) == "!f f;as it is!end"


@pytest.mark.parametrize("schema", [{}, EITHER, BOTH, MAP, NODE, LISTED, {"type": "array", "maxItems": 2}])
@pytest.mark.parametrize("dialect", [TREE, SAID, CDATA], ids=lambda dialect: dialect.name)
def test_the_random_model_keeps_to_the_schema(dialect: Dialect, schema: Schema) -> None:
    text = grammar.build(dialect, Rules([tool(schema)], must=True, parallel=False), {})
    model, finished = Model(random.Random(3)), 0
    for _ in range(8):
        said = model.say(text, Marked(), "", ["!</", "!</v>", ";", "!end"])
        if said is None:
            continue
        finished += 1
        [call] = read(dialect, [said], Reading({"f": arguments(tool(schema))}, must=True)).calls
        assert call.complete, said
        jsonschema.validate(json.loads(call.arguments), arguments(tool(schema)))
    assert finished


def test_the_items_of_alternatives_are_joined() -> None:
    assert elements({"type": "array"}) == {}
    assert elements({"anyOf": [{"items": TEXT}, {"type": "object"}, {"type": "array", "items": TEXT}]}) == TEXT
    recursive: Schema = {"$ref": "#/$defs/l", "$defs": {"l": {"anyOf": [{"$ref": "#/$defs/l"}, {"items": TEXT}]}}}
    assert elements(recursive) == TEXT


def test_a_rule_may_refer_to_itself() -> None:
    out = Lark({})
    name = out.once("key", lambda: f'"a" {out.once("key", lambda: "never")}?')
    assert str(out).endswith(f'{name}: "a" {name}?')


# What a value is said to be


def test_what_is_said_of_a_value_decides() -> None:
    assert SAID.write([("f", {"v": "7", "w": 7})]) == "!f f;v is T:7;w is J:7;!end"
    assert values(SAID, None, "!f f;v is T:7;w is J:7;!end") == {"v": "7", "w": 7}
    assert values(SAID, {"type": ["string", "integer"]}, "!f f;v is J:7;!end") == {"v": 7}
    assert values(SAID, {"type": "integer"}, "!f f;v is T:7;!end") == {"v": 7}
    assert values(SAID, {"type": ["string", "integer"]}, "!f f;v is X:x;!end") == {"v": "x"}


@pytest.mark.parametrize(("said", "right"), [("T:7", True), ("J:7", True), ("T:x", True), ("J:x", False)])
def test_the_grammar_holds_a_value_to_what_is_said_of_it(said: str, right: bool) -> None:
    text = grammar.build(SAID, Rules([tool({"type": ["string", "integer"]})], must=True), {})
    assert accepts(text, f"!f f;v is {said};!end") is right


# All arguments in one


WRAPPED = [
    ('arguments=["x"];', {"arguments": ["x"]}),
    ('arguments={"v": "x"};', {"v": "x"}),
    ('arguments={"u": "x"};v=y;', {"arguments": {"u": "x"}, "v": "y"}),
    ("v=y;arguments=x;", {"v": "y", "arguments": "x"}),
]


@pytest.mark.parametrize(("items", "want"), WRAPPED)
def test_all_arguments_may_stand_in_one_that_the_tool_lacks(items: str, want: Any) -> None:
    assert values(CDATA, TEXT, f"!f f;{items}!end") == want


# Between marks


def test_texts_with_special_characters_stand_between_marks() -> None:
    assert CDATA.write([("f", {"v": "a;b"})]) == "!f f;v=[[a;b]];!end"
    assert CDATA.write([("f", {"v": "ab"})]) == "!f f;v=ab;!end"
    for text in ("v=[[a;b]];", "v=[[ab]];", "v=ab;"):
        assert accepts(grammar.build(CDATA, Rules([tool(TEXT)], must=True), {}), f"!f f;{text}!end")
    assert not accepts(grammar.build(CDATA, Rules([tool(TEXT)], must=True), {}), "!f f;v=[[ab;!end")
    assert values(CDATA, TEXT, "!f f;v=[[a;b]];!end") == {"v": "a;b"}
    assert values(CDATA, {"type": "integer"}, "!f f;v=[[7]];!end") == {"v": 7}
    assert values(CDATA, {"type": "integer"}, "!f f;v=7;!end") == {"v": 7}
