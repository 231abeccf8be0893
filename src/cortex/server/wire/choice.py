"""`tool_choice` of a chat request -> a `Choice`."""

from __future__ import annotations

from typing import Literal

from cortex.core.chat import Choice, Tool
from cortex.core.errors import BadRequest
from cortex.server.wire.node import Node

_CHOICES = '"none", "auto", "required", a named tool or allowed_tools'
_KINDS = '"function", "custom" or "allowed_tools"'
_ALLOWED = "an object with mode and tools"
_NAME = "the name of one of the tools"


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
    kind = node.need("type", _KINDS)
    match kind.string():
        case "function" | "custom":
            return Choice("required", frozenset({known(_named(node), tools)})), True
        case "allowed_tools":
            # the Responses API has mode and tools beside the type
            return _allowed(node if node.get("tools") else node.need("allowed_tools", _ALLOWED), tools), False
    raise kind.wrong(_KINDS)


def _named(node: Node) -> str:
    """The name of `{"type": "function", "function": {"name": ...}}`; the Responses API leaves `function` out."""
    kind = node.get("type")
    key = "function" if kind is None else kind.string()
    flat = node.get("name")
    if flat is not None and node.get(key) is None:
        return flat.string()
    return node.need(key, "an object with a name").need("name", _NAME).string()


def _allowed(node: Node, tools: tuple[Tool, ...]) -> Choice:
    mode = node.need("mode", '"auto" or "required"')
    names = [known(_named(item), tools) for item in node.need("tools", "a list of tools' names").items()]
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


def known(name: str, tools: tuple[Tool, ...], param: str = "tool_choice") -> str:
    names = [tool.name for tool in tools]
    if name not in names:
        there = f"the tools are {', '.join(names)}" if names else "the request has no tools"
        raise BadRequest(f"{param} names {name!r}, but {there}", param=param)
    return name


def _choice_error(message: str) -> BadRequest:
    return BadRequest(message, param="tool_choice")
