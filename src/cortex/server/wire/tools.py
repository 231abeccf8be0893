"""`tools` and `functions` of a chat request, and `response_format` -> the core's values. Never compiles a schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from cortex.core.chat import Schema, Tool
from cortex.core.errors import BadRequest
from cortex.server.wire.custom import read_custom
from cortex.server.wire.node import Node

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_NAME_WORDS = "a string of 1 to 64 letters, digits, _ . or -"
_KINDS = '"function" or "custom"'
_DESCRIBING = ("name", "description", "format")
_FORMATS = '"text", "json_object" or "json_schema"'
ANY_OBJECT: Schema = {"type": "object"}


def read_tools(node: Node | None) -> tuple[Tool, ...]:
    return named_once(node, _tool)


def read_functions(node: Node | None) -> tuple[Tool, ...]:
    """The functions of 2023: tools without the object around them."""
    return named_once(node, function_tool)


def named_once(node: Node | None, read: Callable[[Node], tuple[Tool, Node]]) -> tuple[Tool, ...]:
    tools: dict[str, Tool] = {}
    for item in node.items() if node else []:
        tool, name = read(item)
        if tool.name in tools:
            raise BadRequest(f"{name.path}: a tool named {tool.name!r} is already in the list", param=name.path)
        tools[tool.name] = tool
    return tuple(tools.values())


def _tool(node: Node) -> tuple[Tool, Node]:
    kind = node.get("type")
    match kind:
        case None | Node("function"):
            node.need("function", "an object with name, description and parameters")
            return function_tool(_inner(node, "function"))
        case Node("custom"):
            return custom_tool(_inner(node, "custom"))  # the Responses API leaves `custom` out
    raise kind.wrong(_KINDS)


def custom_tool(inner: Node) -> tuple[Tool, Node]:
    name = _name(inner)
    return read_custom(inner, name.string()), name


def _inner(node: Node, key: str) -> Node:
    """The object that describes a tool."""
    nested = node.get(key)
    if nested and (stray := next(filter(None, map(node.get, _DESCRIBING)), None)):
        raise stray.refused(f"it belongs into {nested.path}")
    return nested or node


def _name(node: Node) -> Node:
    name = node.need("name", _NAME_WORDS)
    if not _NAME.fullmatch(name.string()):
        raise name.wrong(_NAME_WORDS)
    return name


def function_tool(function: Node) -> tuple[Tool, Node]:
    name, about, strict = _name(function), function.get("description"), function.get("strict")
    tool = Tool(
        name.string(),
        about.string() if about else "",
        _parameters(function),
        strict.boolean() if strict else False,
        place=f"{function.path}.parameters",
    )
    return tool, name


def _parameters(function: Node) -> Schema:
    found = function.get("parameters")
    if found is None:
        return {}
    if not isinstance(found.value, dict):
        raise found.wrong("an object: the JSON Schema of the arguments")
    return dict(found.value)


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
            return _schema(_described(node.get("json_schema") or node)) or ANY_OBJECT
    raise kind.wrong(_FORMATS)


def _described(node: Node) -> Node:
    """The same, whose name and description change nothing, but may be told again."""
    for key in ("name", "description"):
        if found := node.get(key):
            found.string()
    return node


def read_format_strict(node: Node | None) -> bool:
    """Whether nothing in the schema of the final answer may be passed over."""
    inner = node.get("json_schema") if node else None
    found = inner.get("strict") if inner else None
    return found.boolean() if found else False


def _schema(node: Node) -> Any:
    found = node.get("schema")
    return found.object() if found is not None else None
