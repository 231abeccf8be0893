"""The `messages` of a chat request -> the core's messages. As lenient as histories are odd; it never guesses."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from cortex.core.chat import Assistant, Message, System, ToolCall, ToolResult, User
from cortex.core.custom import ARGUMENT
from cortex.core.errors import BadRequest
from cortex.server.wire.node import Node

_ROLES = '"system", "developer", "user", "assistant", "tool" or "function"'


def read_messages(node: Node) -> tuple[Message, ...]:
    """All messages in order. A result without an id answers the oldest call that has no result yet."""
    history = _History()
    messages = tuple(history.read(item) for item in node.items())
    if not messages:
        raise BadRequest("messages must hold at least one message", param="messages", code="empty_array")
    return messages


@dataclass(slots=True)
class _History:
    """Remembers the calls that wait for their result, to match results that do not name theirs."""

    open: list[ToolCall] = field(default_factory=list)

    def read(self, node: Node) -> Message:
        role = node.need("role", _ROLES)
        match role.string():
            case "system" | "developer":
                return System(_content(node))
            case "user":
                return User(_content(node))
            case "assistant":
                return self._assistant(node)
            case "tool":
                return ToolResult(_content(node), self._answered(node, "tool_call_id"))
            case "function":
                return ToolResult(_content(node), self._answered(node, "name"))
        raise role.wrong(_ROLES)

    def _assistant(self, node: Node) -> Assistant:
        if (audio := node.get("audio")) is not None:
            raise audio.refused("only text can be read here")
        calls = _calls(node)
        self.open = list(calls)
        return Assistant(_content(node) or _text(node, "refusal"), calls, _reasoning(node))

    def _answered(self, node: Node, key: str) -> str:
        """The id of the call that this message answers; `key` is the field that should say so."""
        label = _text(node, key)
        if key == "tool_call_id" and label and not any(call.id == label for call in self.open):
            return self._stray(label)
        matching = [call for call in self.open if label in ("", call.id if key == "tool_call_id" else call.name)]
        if not matching:
            path = f"{node.path}.{key}"
            raise BadRequest(
                f"{path} must name the call that this message answers: no earlier call waits for a result",
                param=path,
                code="invalid_value" if label else "missing_required_parameter",
            )
        self.open.remove(matching[0])
        return matching[0].id

    def _stray(self, label: str) -> str:
        """A result whose id no call has: its call came without an id, or was cut from the history."""
        unnamed = next((call for call in self.open if call.id.startswith(_MADE)), None)
        if unnamed is None:
            return label
        self.open.remove(unnamed)
        return unnamed.id


_MADE = "call_unnamed_"  # ids of calls that came without one, as Cortex 1.x gave them to its clients


def _calls(node: Node) -> tuple[ToolCall, ...]:
    if (legacy := node.get("function_call")) is not None:
        return (call(legacy, _made_id(node.path, 0)),)
    listed = node.get("tool_calls")
    return tuple(_tool_call(item, _made_id(node.path, i)) for i, item in enumerate(listed.items() if listed else []))


def _tool_call(node: Node, made_id: str) -> ToolCall:
    kind, id = node.get("type"), _text(node, "id") or made_id
    match kind:
        case None | Node("function"):
            return call(node.need("function", "an object with name and arguments"), id)
        case Node("custom"):
            return custom_call(node.need("custom", "an object with name and input"), id)
    raise kind.wrong('"function" or "custom"')


def custom_call(custom: Node, id: str) -> ToolCall:
    arguments = {ARGUMENT: _text(custom, "input")}
    name = custom.need("name", "the custom tool's name").string()
    return ToolCall(id, name, json.dumps(arguments, ensure_ascii=False))


def call(function: Node, id: str) -> ToolCall:
    return ToolCall(id, function.need("name", "the function's name").string(), _arguments(function))


def _made_id(path: str, number: int) -> str:
    # Not random: the same history must give the same prompt, or its cached prefix is lost.
    return f"{_MADE}{path.removeprefix('messages.')}_{number}"


def _arguments(function: Node) -> str:
    """As the client wrote it, broken or not; an object is written as JSON."""
    found = function.get("arguments")
    if found is None:
        return "{}"
    if isinstance(found.value, dict):
        return json.dumps(found.value, ensure_ascii=False)
    return found.string()


def _content(node: Node) -> str:
    found = node.get("content")
    match found:
        case None:
            return ""
        case Node(str() as text):
            return text
        case Node(list()):
            return "\n".join(_part(part) for part in found.items())
    raise found.wrong("a string, a list of text parts or null")


def _part(node: Node) -> str:
    kind = node.need("type", '"text"')
    match kind.string():
        case "text":
            return node.need("text", "a string").string()
        case "refusal":
            return node.need("refusal", "a string").string()
        case "image_url" | "input_audio" | "file" | "video_url":
            raise kind.refused("this model reads only text, so a content part must be of type text")
    raise kind.wrong('"text"')


def _reasoning(node: Node) -> str:
    return _text(node, "reasoning_content") or _text(node, "reasoning")


def _text(node: Node, key: str) -> str:
    found = node.get(key)
    return "" if found is None else found.string()


def remarks(node: Node) -> list[str]:
    """What is understood in the messages but reaches no model: no chat template shows a participant's name."""
    named = [item for item in node.items() if _has_idle_name(item)]
    return [f"{item.path}.name has no effect: chat templates show no names of participants" for item in named]


def _has_idle_name(item: Node) -> bool:
    return item.value.get("name") is not None and item.value.get("role", "tool") not in ("tool", "function")
