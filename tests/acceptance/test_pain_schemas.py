"""Pain points 6 to 11: any schema that a tool comes with is enforced, or it is told what of it is not."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from acting import Stage, called, takes, tool

from cortex.core import grammar
from cortex.core.chat import Tool
from cortex.core.rules import Rules
from cortex.dialects import find, names


def taking(schema: Any) -> dict[str, Any]:
    """A request with one tool, whose argument `a` follows the schema."""
    return {"tools": [tool("f", takes(a=schema))], "tool_choice": "required"}


def f(value: Any) -> str:
    return called(("f", {"a": value}))


# -- 6: many and large ones --------------------------------------------------------------------------------------------


def test_three_hundred_tools_with_a_megabyte_of_schemas_are_enforced(stage: Stage) -> None:
    """6, ggml-org/llama.cpp#25895, #26596: "failed to parse grammar" at about 100 kB."""
    wide = {f"p{number}": {"type": "string", "description": "what it is for " * 8} for number in range(20)}
    tools = [tool(f"tool_{number}", takes(**wide, n={"type": "integer"})) for number in range(300)]
    assert len(json.dumps(tools)) > 1_000_000
    values = {**dict.fromkeys(wide, "x"), "n": 5}
    assert stage.says(called(("tool_299", values)), tools=tools).whole == [("tool_299", values)]
    assert stage.cannot_say(called(("tool_299", {**values, "n": "five"})), tools=tools)
    assert stage.cannot_say(called(("tool_300", values)), tools=tools, tool_choice="required")


@pytest.mark.parametrize(
    ("schema", "fits", "exceeds"),
    [
        ({"type": "string", "maxLength": 65536}, "x" * 9, None),
        ({"type": "string", "maxLength": 1_000_000}, "x" * 9, None),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 10_000}, [1] * 9, None),
        ({"type": "string", "maxLength": 3000}, "x" * 3000, "x" * 3001),
        (
            {"type": "array", "items": {"type": "string", "maxLength": 2000}, "maxItems": 2000},
            ["x" * 2000],
            ["x" * 2001],
        ),
    ],
)
def test_large_bounds_are_no_problem(stage: Stage, schema: Any, fits: Any, exceeds: Any) -> None:
    """6, ggml-org/llama.cpp#25923, firecrawl/firecrawl#4512: one `maxLength: 65536` refused the whole request."""
    assert stage.says(f(fits), **taking(schema)).whole == [("f", {"a": fits})]
    assert exceeds is None or stage.cannot_say(f(exceeds), **taking(schema))


def test_a_tool_that_cannot_be_enforced_is_named_and_the_others_are_enforced(stage: Stage) -> None:
    """6, unslothai/unsloth#9923: one bad schema made all tools unenforced."""
    odd = tool("odd", takes(a={"not": {"minimum": 3}}))
    tools = [odd, tool("f", takes(a={"type": "integer"}))]
    body = stage.post(stage.playing(f(5)), tools=tools).json()
    assert body["cortex"]["warnings"] == ["tools.0.function.parameters.properties.a.not: not enforced"]
    assert stage.cannot_say(f("five"), tools=tools, tool_choice="required")


# -- 7: patterns -------------------------------------------------------------------------------------------------------

LEAP = r"^(?:\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:\d{2}(?:0[48]|[2468][048]|[13579][26]))-02-29)$"


@pytest.mark.parametrize(
    ("pattern", "fits", "breaks"),
    [
        ("b+", "abc", "ac"),
        ("^b+", "bc", "ab"),
        (r"^\d{4}-\d{2}$", "2026-01", "2026-1"),
        (LEAP, "2024-02-29", "2023-02-29"),
        (r"^(a|ab)*c{1,3}$", "aabcc", "aabb"),
        (r"^[^\s<>]+@[\w.-]+\.\w{2,}$", "a@b.org", "a b@c.org"),
    ],
)
def test_a_regular_pattern_is_enforced_anchored_or_not(stage: Stage, pattern: str, fits: str, breaks: str) -> None:
    """7, containers/kubernetes-mcp-server#758, netclaw-dev/netclaw#664."""
    schema = {"type": "string", "pattern": pattern}
    assert stage.says(f(fits), **taking(schema)).whole == [("f", {"a": fits})]
    assert stage.cannot_say(f(breaks), **taking(schema))


@pytest.mark.parametrize(
    "pattern", [r"^(?=.*\d)\w+$", r"(a)\1", r"^(?<!x)a+1$", "(" * 50 + "a" + ")" * 50, "(a*)*" * 20 + "1$"]
)
def test_a_pattern_that_is_not_regular_or_nasty_harms_nobody(stage: Stage, pattern: str) -> None:
    """7, openclaw/openclaw#107430: it crashed the server. Here it is enforced, or named."""
    schema = {"type": "string", "pattern": pattern}
    body = stage.post(stage.playing(f("aa1")), **taking(schema)).json()
    (call,) = body["choices"][0]["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"a": "aa1"}
    named = [warning.partition(":")[0] for warning in body["cortex"]["warnings"]]
    assert named in ([], ["tools.0.function.parameters.properties.a.pattern"])
    assert bool(named) or re.search(pattern, "aa1")


# -- 8: shapes that are odd --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "fits", "breaks"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, 5, True),
        ({"oneOf": [{"const": "a"}, {"type": "null"}]}, None, "b"),
        ({"type": ["string", "null"]}, None, 5),
        ({"type": ["string", "null"], "enum": ["a", None]}, "a", "b"),
        ({"enum": ["a", 1, None, {"b": [2]}]}, {"b": [2]}, 2),
        ({}, {"any": ["thing", 1, None]}, None),
        (True, [1], None),
        ({"type": "object"}, {}, 5),
        ({"description": "no type at all"}, "x", None),
        ({"allOf": [{"type": "integer"}, {"minimum": 3}]}, 3, 2),
        ({"type": "array"}, [1, "a", {}], {}),
        ({"type": "object", "additionalProperties": {"type": "number"}}, {"x": 1.5}, {"x": "y"}),
        ({"properties": {"b": {"default": 5}}}, {"b": 1}, {"c": 1}),
    ],
)
def test_a_shape_that_others_reject_is_taken_and_enforced(stage: Stage, schema: Any, fits: Any, breaks: Any) -> None:
    """8, ggml-org/llama.cpp#14227, charmbracelet/crush#1314."""
    assert stage.says(f(fits), **taking(schema)).whole == [("f", {"a": fits})]
    assert breaks is None or stage.cannot_say(f(breaks), **taking(schema))


def test_a_keyword_that_is_none_is_named_and_takes_anything(stage: Stage) -> None:
    """8, NousResearch/hermes-agent#15032: `"metadata": "object"` where a schema belongs."""
    tools = [tool("f", {"type": "object", "properties": {"metadata": "object", "n": {"type": "integer"}}})]
    reply = stage.post(stage.model(called(("f", {"metadata": {"x": 1}, "n": 1}))), tools=tools)
    if reply.status_code == 200:
        assert "metadata" in "".join(reply.json()["cortex"]["warnings"])
    else:
        assert (reply.status_code, reply.json()["error"]["param"].rpartition(".")[2]) == (400, "metadata")


# -- 9: references -----------------------------------------------------------------------------------------------------

TREE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "left": {"$ref": "#/$defs/tree"}, "right": {"$ref": "#/$defs/tree"}},
    "required": ["value"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("parameters", "fits", "breaks"),
    [
        (
            {**takes(a={"$ref": "#/$defs/tree"}), "$defs": {"tree": TREE}},
            {"value": 1, "left": {"value": 2, "right": {"value": 3}}},
            {"value": 1, "left": {"value": 2, "right": {"value": "3"}}},
        ),
        ({**takes(a={"$ref": "#/$defs/x~1y~0%25"}), "$defs": {"x/y~%": {"type": "integer"}}}, 1, "1"),
        ({**takes(a={"$ref": "#/definitions/list/1"}), "definitions": {"list": [{}, {"type": "null"}]}}, None, 1),
        (takes(a={"anyOf": [{"type": "null"}, {"$ref": "#"}]}), {"a": {"a": None}}, {"a": 5}),
        ({**takes(a={"$ref": "#/$defs/s", "maxLength": 2}), "$defs": {"s": {"type": "string"}}}, "ab", "abc"),
    ],
    ids=["a tree", "escapes", "into a list", "the whole", "siblings"],
)
def test_a_reference_is_followed(stage: Stage, parameters: Any, fits: Any, breaks: Any) -> None:
    """9, ggml-org/llama.cpp#16790."""
    asked = {"tools": [tool("f", parameters)], "tool_choice": "required"}
    assert stage.says(f(fits), **asked).whole == [("f", {"a": fits})]
    assert stage.cannot_say(f(breaks), **asked)


@pytest.mark.parametrize(
    "reference", ["#/$defs/none", "https://example.com/schema.json", "#/properties/a/9", "other.json#/x"]
)
def test_a_reference_that_leads_nowhere_is_named_with_its_path(stage: Stage, reference: str) -> None:
    """9: LM Studio 0.3.18 dropped the definitions, and the schema allowed anything in silence."""
    assert_named(stage, {"$ref": reference}, "$ref")


# -- 10: nothing is enforced in silence only ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"not": {"minimum": 3}}, "not"),
        ({"type": "string", "pattern": r"(a)\1"}, "pattern"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "array", "contains": {"const": 1}}, "contains"),
    ],
)
def test_what_cannot_be_enforced_is_refused_under_strict_and_named_otherwise(
    stage: Stage, schema: Any, keyword: str
) -> None:
    """10, ggml-org/llama.cpp#19051, #24097: a grammar that failed, and a 200 without one."""
    assert_named(stage, schema, keyword)


def assert_named(stage: Stage, schema: Any, keyword: str) -> None:
    """A 400 under `strict`, else a warning; both name the keyword's place."""
    path = f"tools.0.function.parameters.properties.a.{keyword}"
    strict = {"tools": [tool("f", {**takes(a=schema), "additionalProperties": False}, strict=True)]}
    refused = stage.post(stage.playing("x"), **strict)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, path)
    loose = stage.post(stage.playing("In words."), tools=[tool("f", takes(a=schema))])
    assert [warning.partition(":")[0] for warning in loose.json()["cortex"]["warnings"]] == [path]


# -- 11: nothing that a request holds ends the process -----------------------------------------------------------------

MARKS = sorted({mark for name in names() for mark in (find(name).notation.begin, find(name).notation.end) if mark})


def test_no_description_changes_what_may_be_called(stage: Stage) -> None:
    """11, ggml-org/llama.cpp#27619: a description alone made the process abort."""
    model = stage.model(f(5))
    odd = ["\0", "\u2028", "{{ x }}", "{% raw %}", '"', "\\", "(?i)[", "x" * 10_000, "🙂", "\ud7ff"]
    for text in (*MARKS, *odd):
        tools = [tool("f", takes(a={"type": "integer", "description": text}), description=text)]
        reply = stage.post(model, tools=tools, tool_choice="required")
        assert reply.json()["choices"][0]["finish_reason"] == "tool_calls", text


def test_a_bad_request_leaves_its_neighbour_and_the_process_alone(stage: Stage) -> None:
    """11, ggml-org/llama.cpp#12597, #15608, #19430: one grammar ended the server for everybody."""
    model = stage.model(f(5))
    stage.ask(model, **taking({"type": "integer"}))
    (before,) = (row for row in stage.http.get("/inferences/server/models").json()["data"] if row["id"] == model)
    bad = [{"type": "string", "pattern": "("}, {"$ref": "#/nowhere"}, {"type": "nonsense"}, {"enum": []}, False, 5]
    for schema in bad:
        assert stage.post(model, **taking(schema)).status_code in (200, 400, 500), schema  # 500: it says 5 all the same
    assert stage.ask(model, **taking({"type": "integer"})).whole == [("f", {"a": 5})]
    (after,) = (row for row in stage.http.get("/inferences/server/models").json()["data"] if row["id"] == model)
    assert abs(after["start_time"] - before["start_time"]) < 1000  # milliseconds: the process is the same


# -- 24: what many tools cost ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", names())
def test_the_grammar_of_three_hundred_tools_differs_only_where_a_name_stands(dialect: str) -> None:
    """24, ggml-org/llama.cpp#27675, #27615: as many triggers as tools, all of them watched at every token of free text.
    Here what is watched has no rule more; names and schemas alone are longer."""
    few, many = (rules(dialect, count) for count in (2, 300))
    assert len(few) == len(many)
    assert not [rule for rule in set(few) ^ set(many) if "tool_" not in rule]


def rules(dialect: str, count: int) -> list[str]:
    schema = takes(a={"type": "string"})
    tools = tuple(Tool(f"tool_{number}", parameters=schema) for number in range(count))
    return grammar.build(find(dialect), Rules(tools), {}).splitlines()
