"""`functions` and `function_call`, as of 2023: tools and a choice, and one call at most. Never mixed with `tools`."""

from __future__ import annotations

from cortex.core.chat import Choice, Tool
from cortex.server.wire.choice import known
from cortex.server.wire.node import Node
from cortex.server.wire.tools import read_functions

_NEWER = ("tools", "tool_choice")


def is_legacy(body: Node) -> bool:
    """Whether the request asks in the words of 2023. Raises `BadRequest` where it asks in both."""
    functions, call = body.get("functions"), body.get("function_call")
    legacy = functions is not None and bool(functions.items())
    if legacy and (newer := next((found for key in _NEWER if (found := body.get(key)) and found.value != []), None)):
        raise newer.refused("a request with functions has function_call, and no tools")
    if call is not None and not legacy and call.value not in ("none", "auto"):
        raise call.refused("the request has no functions: tools go with tool_choice")
    if call is not None and call.value == "none" and body.get("tools"):
        raise call.refused("tools go with tool_choice")
    return legacy


def read_legacy(body: Node) -> tuple[tuple[Tool, ...], Choice]:
    functions = read_functions(body.get("functions"))
    return functions, _choice(body.get("function_call"), functions)


def _choice(node: Node | None, functions: tuple[Tool, ...]) -> Choice:
    match node:
        case None:
            return Choice()
        case Node("none" | "auto" as mode):
            return Choice(mode)
        case Node(dict()):
            name = node.need("name", "the name of one of the functions").string()
            return Choice("required", frozenset({known(name, functions, "function_call")}))
    raise node.wrong('"none", "auto" or an object with a name')
