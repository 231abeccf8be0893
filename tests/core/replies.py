"""Tools and helpers that the tests of grammar and parser share."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any

from cortex.core.chat import Tool
from cortex.core.dialect import Dialect, Notation
from cortex.core.events import Reply, fold
from cortex.core.parse import Parser, Reading
from cortex.core.schema import arguments
from cortex.dialects import find, names

WEATHER = Tool(
    "get_weather",
    "The weather in a city",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "unit": {"type": "string", "enum": ["C", "F"]},
        },
        "required": ["city", "days"],
    },
)
NOW = Tool("now", "The time")
TAG = Tool(
    "tag",
    parameters={
        "type": "object",
        "properties": {
            "names": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
            "ok": {"type": "boolean"},
        },
        "required": ["names"],
        "additionalProperties": False,
    },
)
TOOLS = (WEATHER, NOW, TAG)
NAMES = {tool.name: arguments(tool) for tool in TOOLS}

Calls = list[tuple[str, dict[str, Any]]]
# A notation that no family of ours has yet: a list behind a marker.
LISTED = Dialect(
    "listed",
    Notation(begin="[CALLS][", call='{"name": "«name»", "arguments": «arguments»}', separator=", ", end="]"),
)
DIALECTS = [*map(find, names()), LISTED]

ONE: Calls = [("get_weather", {"city": '12" {São Paulo}', "days": 34, "unit": "C"})]
TWO: Calls = [*ONE, ("now", {})]


def read(dialect: Dialect, chunks: Iterable[str], reading: Reading | None = None) -> Reply:
    ids = itertools.count()
    parser = Parser(dialect, reading or Reading(NAMES), lambda _: f"call_{next(ids)}")
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return fold(events + parser.flush())


def calls(reply: Reply) -> Calls:
    """The whole calls of a reply; one that is not whole fails."""
    assert all(call.complete for call in reply.calls), reply
    return [(call.name, json.loads(call.arguments)) for call in reply.calls]


def key(reply: Reply) -> object:
    return reply.text, reply.reasoning, [(call.name, call.arguments, call.complete) for call in reply.calls]
