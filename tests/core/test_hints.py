"""What a reply with calls is likely to hold."""

from __future__ import annotations

from typing import Any

import pytest

from cortex.core.chat import Tool
from cortex.core.hints import MOST, hints
from cortex.dialects import find, names


def tool(name: str, required: tuple[str, ...] = (), **properties: Any) -> Tool:
    return Tool(name, "", {"type": "object", "properties": properties, "required": list(required)})


TEXT, COUNT = {"type": "string"}, {"type": "integer"}


def test_first_comes_what_all_calls_begin_with_then_the_parts_around_values() -> None:
    found = hints(find("hermes"), [tool("get_a", ("x", "n"), x=TEXT, y=TEXT, n=COUNT), tool("get_b")])
    assert found == (
        '<tool_call>\n{"name": "get_',
        '<tool_call>\n{"name": "get_a", "arguments": {"x": "',
        '", "n": ',
        "}}\n</tool_call>",
        '<tool_call>\n{"name": "get_b", "arguments": {}}\n</tool_call>',
    )


def test_one_call_begins_as_it_is_up_to_its_first_value() -> None:
    assert hints(find("hermes"), [tool("f", ("x",), x=TEXT)])[0] == '<tool_call>\n{"name": "f", "arguments": {"x": "'


def test_without_tools_there_are_none_and_of_many_tools_only_some_are_made() -> None:
    assert hints(find("hermes"), []) == ()
    many = [tool(f"tool_{number}") for number in range(3 * MOST)]
    assert len(hints(find("hermes"), many)) == MOST + 1


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"type": "object", "required": ["a"]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}},
        {"properties": {"a": True}, "required": ["a", "b"]},
        {"properties": {"a": {"type": ["string", "null"]}, "b": {"type": "array"}}, "required": ["a", "b"]},
    ],
)
def test_any_sound_schema_gives_hints(parameters: Any) -> None:
    assert all(hints(find("hermes"), [Tool("f", "", parameters)]))


@pytest.mark.parametrize("name", names())
def test_every_dialect_gives_hints_that_stand_in_its_calls(name: str) -> None:
    given = {"city": "Paris", "days": 5, "all": True, "tags": ["x"], "more": {}}
    kinds = {"city": "string", "days": "integer", "all": "boolean", "tags": "array", "more": "object"}
    one = tool("look", tuple(given), **{key: {"type": kind} for key, kind in kinds.items()})
    call = find(name).write([("look", given)])
    first, *parts = hints(find(name), [one])
    assert call.startswith(first)
    assert sum(part in call for part in parts) >= len(parts) / 2
