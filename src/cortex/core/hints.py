"""How calls of the tools at hand begin, go on and end: texts that a reply is likely to hold. Pure.

In auto mode the grammar cannot force a call before it is sure to be one, and may leave several ways to write it. An
engine that tries drafts tries these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cortex.core.chat import Tool
from cortex.core.dialect import Dialect
from cortex.core.schema import arguments

MOST: Final = 32  # tools that hints are made of
TEXT, NUMBER = "Zqxj", 7777777  # stand for what nobody knows: a value
VALUES: Final[Mapping[str, Any]] = {"string": TEXT, "integer": NUMBER, "number": NUMBER, "boolean": True, "object": {}}


def hints(dialect: Dialect, tools: Sequence[Tool]) -> tuple[str, ...]:
    """First what all calls begin with, then the parts of a call of each tool that stand around its values. The tools'
    schemas must have been found sound."""
    calls = [dialect.write([(tool.name, _values(arguments(tool)))]) for tool in tools[:MOST]]
    parts = {part: None for call in calls for part in re.split(f"{TEXT}|{NUMBER}", call) if part}
    return (_common([call.split(TEXT)[0] for call in calls]), *parts) if calls else ()


def _common(texts: Sequence[str]) -> str:
    """What all of them begin with."""
    first, last = min(texts), max(texts)
    return first[
        : next((i for i, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    ]


def _values(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What has to be given, each with a value that stands for any."""
    properties, required = schema.get("properties", {}), schema.get("required", ())
    return {name: _value(known) for name, known in properties.items() if name in required}


def _value(schema: Any) -> Any:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    return [TEXT] if kind == "array" else VALUES.get(kind, TEXT) if isinstance(kind, str) else TEXT
