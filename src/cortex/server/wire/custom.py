"""A custom tool of a chat request -> a `Tool`. Raises `BadRequest` for a grammar that cannot be enforced."""

from __future__ import annotations

from cortex.core import custom
from cortex.core.chat import Input, Tool
from cortex.server.wire.node import Node

_FORMATS = '"text" or "grammar"'
_SYNTAXES = '"lark" or "regex"'


def read_custom(node: Node, name: str) -> Tool:
    about, form = node.get("description"), node.get("format")
    input, place = (Input(), node) if form is None else _input(form)
    return custom.tool(name, about.string() if about else "", input, place.path)


def _input(form: Node) -> tuple[Input, Node]:
    """What the text has to follow, and where the request says so."""
    kind = form.need("type", _FORMATS)
    match kind.string():
        case "text":
            if stray := next(filter(None, map(form.get, ("grammar", "syntax", "definition"))), None):
                raise stray.refused('it goes with the type "grammar"')
            return Input(), form
        case "grammar":
            return _grammar(form.get("grammar") or form)  # the Responses API leaves `grammar` out
    raise kind.wrong(_FORMATS)


def _grammar(node: Node) -> tuple[Input, Node]:
    syntax = node.need("syntax", _SYNTAXES)
    definition = node.need("definition", "a string: the grammar")
    match syntax.string():
        case "lark" | "regex" as known:
            return Input(known, definition.string()), definition
    raise syntax.wrong(_SYNTAXES)
