"""`tools`, `tool_choice` and `response_format` of a chat request -> the core's values. Never compiles a schema."""

from __future__ import annotations

import re
from typing import Any, Literal

from cortex.core.chat import Choice, Schema, Tool
from cortex.core.errors import BadRequest
from cortex.server.wire.node import Node

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_NAME_WORDS = "a string of 1 to 64 letters, digits, _ . or -"
_CHOICES = '"none", "auto", "required", a named function or allowed_tools'
_FORMATS = '"text", "json_object" or "json_schema"'
ANY_OBJECT: Schema = {"type": "object"}


def read_tools(node: Node | None) -> tuple[Tool, ...]:
    tools: dict[str, Tool] = {}
    for item in node.items() if node else []:
        tool = _tool(item)
        if tool.name in tools:
            path = f"{item.path}.function.name"
            raise BadRequest(f"{path}: a tool named {tool.name!r} is already in the list", param=path)
        tools[tool.name] = tool
    return tuple(tools.values())


def _tool(node: Node) -> Tool:
    kind = node.get("type")
    if kind is not None and kind.string() == "custom":
        raise kind.refused("custom tools are not supported by this server: use a tool of type function")
    if kind is not None and kind.value != "function":
        raise kind.wrong('"function"')
    function = node.need("function", "an object with name, description and parameters")
    name = function.need("name", _NAME_WORDS)
    if not _NAME.fullmatch(name.string()):
        raise name.wrong(_NAME_WORDS)
    about, strict = function.get("description"), function.get("strict")
    return Tool(
        name.string(),
        about.string() if about else "",
        _parameters(function),
        strict.boolean() if strict else False,
    )


def _parameters(function: Node) -> Schema:
    found = function.get("parameters")
    if found is None:
        return {}
    if not isinstance(found.value, dict):
        raise found.wrong("an object: the JSON Schema of the arguments")
    return dict(found.value)


def read_choice(node: Node | None, tools: tuple[Tool, ...]) -> tuple[Choice, bool]:
    """The choice, and whether it names one function: then there is exactly one call, as with OpenAI."""
    match node:
        case None:
            return Choice(), False
        case Node("none" | "auto" as mode):
            return Choice(mode), False
        case Node("required"):
            return _required(node, tools), False
        case Node(dict()):
            return _structured(node, tools)
    raise node.wrong(_CHOICES)


def _required(node: Node, tools: tuple[Tool, ...]) -> Choice:
    if not tools:
        raise _choice_error('tool_choice is "required", but the request has no tools to call')
    return Choice("required")


def _structured(node: Node, tools: tuple[Tool, ...]) -> tuple[Choice, bool]:
    kind = node.need("type", '"function" or "allowed_tools"')
    match kind.string():
        case "function":
            return Choice("required", frozenset({_known(_named(node), tools)})), True
        case "allowed_tools":
            return _allowed(node.need("allowed_tools", "an object with mode and tools"), tools), False
        case "custom":
            raise kind.refused("custom tools are not supported by this server")
    raise kind.wrong('"function" or "allowed_tools"')


def _named(node: Node) -> str:
    """The name of `{"type": "function", "function": {"name": ...}}`; the Responses API leaves `function` out."""
    flat = node.get("name")
    if flat is not None and node.get("function") is None:
        return flat.string()
    return node.need("function", "an object with a name").need("name", "the name of one of the tools").string()


def _allowed(node: Node, tools: tuple[Tool, ...]) -> Choice:
    mode = node.need("mode", '"auto" or "required"')
    names = [_known(_named(item), tools) for item in node.need("tools", "a list of tools' names").items()]
    if not names:
        raise _choice_error("tool_choice.allowed_tools.tools must name at least one of the tools")
    return Choice(_mode(mode), frozenset(names))


def _mode(node: Node) -> Literal["auto", "required"]:
    match node.value:
        case "auto":
            return "auto"
        case "required":
            return "required"
    raise node.wrong('"auto" or "required"')


def _known(name: str, tools: tuple[Tool, ...]) -> str:
    names = [tool.name for tool in tools]
    if name not in names:
        there = f"the tools are {', '.join(names)}" if names else "the request has no tools"
        raise _choice_error(f"tool_choice names {name!r}, but {there}")
    return name


def _choice_error(message: str) -> BadRequest:
    return BadRequest(message, param="tool_choice")


def read_format(node: Node | None) -> Schema | None:
    """The schema of the final answer; None leaves it free."""
    if node is None:
        return None
    kind = node.need("type", _FORMATS)
    match kind.string():
        case "text":
            return None
        case "json_object":
            return _schema(node) or ANY_OBJECT  # llama.cpp's clients send a schema here, too
        case "json_schema":
            return _schema(node.get("json_schema") or node) or ANY_OBJECT
    raise kind.wrong(_FORMATS)


def read_format_strict(node: Node | None) -> bool:
    """Whether nothing in the schema of the final answer may be passed over."""
    inner = node.get("json_schema") if node else None
    found = inner.get("strict") if inner else None
    return found.boolean() if found else False


def _schema(node: Node) -> Any:
    found = node.get("schema")
    return found.object() if found is not None else None
