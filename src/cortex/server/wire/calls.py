"""How an answer tells its calls: functions, custom tools, or the `function_call` of 2023. Whole and in pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cortex.core.events import Call, CallBegin
from cortex.core.unquote import Unquote, unquoted

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Shape:
    """`custom` are the names of custom tools. `legacy`: the client asked with `functions`, and reads one call."""

    custom: frozenset[str] = frozenset()
    legacy: bool = False

    def reason(self, finish: str) -> str:
        """This finish reason, as the client knows it."""
        return "function_call" if self.legacy and finish == "tool_calls" else finish


FUNCTIONS = Shape()


def whole(calls: Sequence[Call], shape: Shape) -> dict[str, Any]:
    """What a message holds of its calls."""
    if not calls:
        return {}
    if shape.legacy:
        return {"function_call": {"name": calls[0].name, "arguments": calls[0].arguments}}
    return {"tool_calls": [_call(call, shape) for call in calls]}


def _call(call: Call, shape: Shape) -> dict[str, Any]:
    if call.name in shape.custom:
        custom = {"name": call.name, "input": unquoted(call.arguments)}
        return {"id": call.id, "type": "custom", "custom": custom}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


class CallWriter:
    """Writes the deltas of one choice's calls; b"" where there is nothing to tell yet."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._inputs: dict[int, Unquote] = {}  # of the custom calls

    def begin(self, call: CallBegin) -> bytes:
        if call.name in self._shape.custom:
            self._inputs[call.index] = Unquote()
        return _encode(_first(call, self._shape))

    def more(self, index: int, json: str) -> bytes:
        if self._shape.legacy:
            return b'{"function_call":{"arguments":%b}}' % _encode(json)
        if (text := self._inputs.get(index)) is None:
            return b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}' % (index, _encode(json))
        more = text.feed(json)
        return b'{"tool_calls":[{"index":%d,"custom":{"input":%b}}]}' % (index, _encode(more)) if more else b""


def _first(call: CallBegin, shape: Shape) -> Mapping[str, Any]:
    function = {"name": call.name, "arguments": ""}
    if shape.legacy:
        return {"function_call": function}
    head = {"index": call.index, "id": call.id}
    if call.name in shape.custom:
        return {"tool_calls": [head | {"type": "custom", "custom": {"name": call.name, "input": ""}}]}
    return {"tool_calls": [head | {"type": "function", "function": function}]}
