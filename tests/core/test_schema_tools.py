"""Schemas of tools and answers, made ready: closed, but never more than their authors said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from vocabulary import accepts

from cortex.core.chat import Chat, Tool, User
from cortex.core.errors import BadRequest
from cortex.core.grammar import check
from cortex.core.place import TYPES
from cortex.core.ready import ready
from cortex.core.schema import SHORT, Ready, arguments, prepared
from cortex.dialects import find

NOTATION = find("hermes").notation
S = {"type": "string"}
A, B = {"properties": {"a": S}, "required": ["a"]}, {"properties": {"b": S}, "required": ["b"]}
SHUT = {"properties": {"a": S}, "additionalProperties": False}

CLOSED: list[tuple[str, Any, list[str], list[str]]] = [  # title, parameters, arguments to accept, arguments to refuse
    ("nothing said", {}, ["{}"], ['{"a": "x"}']),
    ("an object", {"type": "object"}, ["{}"], ['{"a": "x"}']),
    ("an object or null", {"type": ["object", "null"], **A}, ['{"a": "x"}'], ["null", "{}"]),
    ("nullable", {"type": "object", "nullable": True, **A}, ['{"a": "x"}'], ["null"]),
    ("properties", A, ['{"a": "x"}'], ["{}", '{"a": "x", "b": 1}', '{"a": 1}']),
    ("a part", {"properties": {"p": A}}, ['{"p": {"a": "x"}}', '{"p": 3}'], ['{"p": {"a": "x", "b": 1}}']),
    ("open", {**A, "additionalProperties": True}, ['{"a": "x", "b": 1}'], ['{"b": 1}']),
    ("open by pattern", {**A, "patternProperties": {"^x": S}}, ['{"a": "x", "xy": "z"}'], ['{"a": "x", "xy": 1}']),
    ("a map", {"additionalProperties": S}, ['{"b": "x"}', "{}"], ['{"b": 1}']),
    ("required only", {"required": ["b"]}, ['{"b": 1}'], ["{}"]),
    (
        "required, not listed",
        {"properties": {"a": S}, "required": ["b"]},
        ['{"a": "x", "b": 1}'],
        ["{}", '{"b": 1, "c": 1}'],
    ),
    (
        "dependent, not listed",
        {"properties": {"a": S}, "dependentRequired": {"a": ["b"]}},
        ["{}", '{"a": "x", "b": 1}'],
        ['{"a": "x"}'],
    ),
    (
        "dependencies, not listed",
        {"properties": {"a": S}, "dependencies": {"a": ["b"]}},
        ['{"a": "x", "b": 1}'],
        ['{"a": "x"}', '{"c": 1}'],
    ),
    ("alternatives", {"anyOf": [A, B]}, ['{"a": "x"}', '{"b": "x"}'], ["{}", '{"a": "x", "c": 1}']),
    (
        "needs",
        {"properties": {"a": S, "b": S}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        ['{"b": "x"}'],
        ["{}", '{"a": "x", "c": 1}'],
    ),
    (
        "alternatives beside",
        {"properties": {"k": S}, "anyOf": [A, B]},
        ['{"k": "x", "b": "y"}'],
        ['{"k": "x"}', '{"b": "y", "c": 1}'],
    ),
    (
        "open alternatives",
        {"properties": {"k": S}, "anyOf": [{**A, "additionalProperties": True}]},
        ['{"a": "x", "c": 1}'],
        ["{}"],
    ),
    ("all of", {"allOf": [A, B, True]}, ['{"a": "x", "b": "y"}'], ['{"a": "x"}', '{"a": "x", "b": "y", "c": 1}']),
    (
        "all of, one twice",
        {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": A}},
        ['{"a": "x"}'],
        ['{"a": "x", "b": 1}'],
    ),
    ("all of, shut", {"properties": {"b": S}, "allOf": [SHUT]}, ["{}", '{"a": "x"}'], ['{"b": "y"}']),
    (
        "a reference",
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", **A}}},
        ['{"a": "x"}'],
        ['{"a": "x", "b": 1}'],
    ),
    (
        "a reference beside",
        {"$ref": "#/$defs/a", "properties": {"c": S}, "$defs": {"a": A}},
        ['{"a": "x", "c": "y"}'],
        ['{"a": "x", "d": 1}'],
    ),
    (
        "recursion",
        {"properties": {"v": S, "kid": {"$ref": "#"}}},
        ['{"v": "a", "kid": {"v": "b"}}'],
        ['{"kid": {"x": 1}}'],
    ),
    ("a barred one", {"properties": {"a": False, "b": S}}, ["{}", '{"b": "x"}'], ['{"a": 1}']),
    ("at least one", {"properties": {"a": S, "b": S}, "minProperties": 1}, ['{"b": "x"}'], ["{}"]),
    ("values", {"const": {"a": 1}}, ['{"a": 1}'], ["{}"]),
]


@pytest.mark.parametrize(("parameters", "good", "bad"), [case[1:] for case in CLOSED], ids=[case[0] for case in CLOSED])
def test_arguments_are_closed_and_never_unsatisfiable(parameters: Any, good: list[str], bad: list[str]) -> None:
    grammar = check(arguments(Tool("t", parameters=parameters)), strict=True)
    assert [text for text in good if not accepts(grammar, text)] == []
    assert [text for text in bad if accepts(grammar, text)] == []


def test_a_schema_that_is_ready_is_not_made_ready_again() -> None:
    tool = Tool("t", parameters=A)
    done = replace(tool, parameters=prepared(tool).schema)
    assert isinstance(done.parameters, Ready)
    assert arguments(done) is done.parameters


def test_the_same_schema_is_made_ready_once_and_a_long_one_is_not_kept() -> None:
    assert prepared(Tool("t", parameters=A)) is prepared(Tool("u", parameters=dict(A)))
    long = {"properties": {"a": {"enum": ["x" * SHORT]}}}
    assert prepared(Tool("t", parameters=long)) is not prepared(Tool("t", parameters=long))


def chat(*tools: Tool, **options: Any) -> Chat:
    return Chat((User("Hi"),), tools, **options)


def test_what_is_not_enforced_is_a_warning_with_its_whole_path() -> None:
    odd = Tool("odd", parameters={"properties": {"a": {"type": "array", "uniqueItems": True}}})
    schema = {"type": "object", "properties": {"b": {"not": {"minimum": 3}}}}
    found, warnings = ready(chat(Tool("even", parameters=A), odd, schema=schema), NOTATION)
    assert warnings == (
        "tools.1.function.parameters.properties.a.uniqueItems: not enforced",
        "response_format.json_schema.schema.properties.b.not: not enforced",
    )
    assert accepts(check(found.tools[1].parameters, strict=True), '{"a": [1, 1]}')
    assert accepts(check(found.schema or {}, strict=True), '{"b": 1}')


def test_many_warnings_are_counted() -> None:
    odd = {"properties": {f"p{number}": {"not": {"minimum": 3}} for number in range(60)}}
    assert (
        ready(chat(Tool("odd", parameters=odd)), NOTATION)[1][-1] == "and 10 more keywords of schemas are not enforced"
    )


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        (Tool("t", parameters={"type": "string"}), "tools.0.function.parameters.type"),
        (Tool("t", parameters={"type": ["string"]}), "tools.0.function.parameters.type"),
        (
            Tool("t", parameters={"properties": {"a": {"pattern": "("}}}),
            "tools.0.function.parameters.properties.a.pattern",
        ),
        (Tool("t", parameters={"not": {}}), "tools.0.function.parameters"),
        (
            Tool("t", parameters={"properties": {"x": {"not": {"minimum": 3}}}}, strict=True),
            "tools.0.function.parameters.properties.x.not",
        ),
    ],
)
def test_nonsense_and_what_strict_forbids_are_bad_requests_that_name_the_keyword(tool: Tool, param: str) -> None:
    with pytest.raises(BadRequest) as error:
        ready(chat(tool), NOTATION)
    assert error.value.param == param
    assert param in error.value.message


def test_a_strict_answer_allows_no_gap_either() -> None:
    schema = {"properties": {"x": {"not": {"minimum": 3}}}}
    assert ready(chat(schema=schema), NOTATION)[1]
    with pytest.raises(BadRequest) as error:
        ready(chat(schema=schema, schema_strict=True), NOTATION)
    assert error.value.param == "response_format.json_schema.schema.properties.x.not"


def test_one_odd_tool_does_not_spoil_the_others() -> None:
    odd = Tool(
        "odd", parameters={"properties": {"x": {"$ref": "https://example.org/x.json"}, "y": {"pattern": "(?=a)"}}}
    )
    found, warnings = ready(chat(Tool("even", parameters=A), odd), NOTATION)
    assert len(warnings) == 2
    assert not accepts(check(found.tools[0].parameters, strict=True), '{"a": 1}')


def test_a_notation_of_its_own_names_what_it_cannot_enforce() -> None:
    pattern = {"type": "string", "not": {"pattern": "x"}, "format": "hostname"}
    tool = Tool("f", parameters={"properties": {"a": pattern, "b": {"type": "array", "uniqueItems": True}}})
    for name in ("qwen3-coder", "minimax-m3", "minicpm5", "gemma4"):
        notation = find(name).notation
        _, warnings = ready(chat(tool), notation)
        assert any("properties.a.format" in warning for warning in warnings), name
        with pytest.raises(BadRequest, match="strict"):
            ready(chat(replace(tool, strict=True)), notation)


def test_types_of_programming_languages_mean_those_of_json() -> None:
    said = {"a": "float", "b": "int", "c": ["str", "none"], "d": "dict", "e": "list", "f": "bool", "g": "any"}
    tool = Tool("f", parameters={"properties": {key: {"type": name} for key, name in said.items()}})
    found = arguments(tool)["properties"]
    assert [found[key]["type"] for key in "abcdef"] == [
        "number",
        "integer",
        ["string", "null"],
        "object",
        "array",
        "boolean",
    ]
    assert set(found["g"]["type"]) == set(TYPES)
