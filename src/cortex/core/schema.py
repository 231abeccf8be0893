"""The schemas of a request, made ready: what a reply has to follow, and what of it is not enforced. Compiles nothing.

The arguments of a tool are closed: an object that lists its properties has no others unless its schema says so, since
a model must not invent keys.
"""

from __future__ import annotations

from typing import Any

from cortex.core import custom
from cortex.core.chat import Input, Schema, Tool
from cortex.core.defined.clash import Untold, confused_in_quotes
from cortex.core.defined.source import NoDefinition
from cortex.core.enforce import NOTHING, Enforced, enforced
from cortex.core.kept import Kept
from cortex.core.members import Members, is_text, may_be_text, members
from cortex.core.place import Gap, Nonsense

__all__ = ["Members", "Ready", "answer", "arguments", "gaps", "is_text", "may_be_text", "members", "prepared"]

# What says something of a tool's arguments. A tool whose schema says nothing has none.
SAYING = frozenset(
    {"properties", "additionalProperties", "patternProperties", "required", "propertyNames", "minProperties", "const"}
    | {"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "enum", "if", "dependentRequired", "dependentSchemas"}
)


SHORT = 20_000  # characters of a schema that is kept


class Ready(dict[str, Any]):
    """A tool's schema that has been made ready: it is not done twice."""


KNOWN: Kept[Enforced] = Kept(2048)  # a client sends the same tools with every request


def arguments(tool: Tool) -> Schema:
    """The schema that the arguments object of a tool has to follow, as the engine enforces it. Raises Nonsense."""
    return tool.parameters if isinstance(tool.parameters, Ready) else prepared(tool).schema


def prepared(tool: Tool) -> Enforced:
    """The schema of a tool's arguments, made ready, and its gaps. Raises Nonsense."""
    if tool.input:
        return taking(tool.input)
    text = repr(tool.parameters)  # tells 1, 1.0 and true apart
    if found := KNOWN.get(text):
        return found
    found = made(tool.parameters)
    return KNOWN.keep(text, found) if len(text) < SHORT else found


def taking(input: Input) -> Enforced:
    """The arguments of a custom tool, whose text has to follow its definition. Raises Nonsense."""
    try:
        if input.syntax != "text" and confused_in_quotes(input):
            raise Untold(
                "has terminals that cannot be told apart in JSON, where many characters begin with a backslash"
            )
    except (NoDefinition, Untold) as error:
        raise Nonsense((), str(error)) from None
    return Enforced(Ready(custom.parameters(input)))


def made(parameters: Schema) -> Enforced:
    kind = parameters.get("type")
    if kind is not None and kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise Nonsense(("type",), "must be 'object': the arguments of a function are an object")
    schema = {key: value for key, value in parameters.items() if key != "nullable"} | {"type": "object"}
    if not SAYING & schema.keys():
        schema["properties"] = {}
    found = satisfiable(enforced(schema, close=True))
    return Enforced(Ready(found.schema), found.gaps)


def answer(schema: Schema) -> Enforced:
    """The schema of an answer in words, made ready, and its gaps. Raises Nonsense."""
    return satisfiable(enforced(schema))


def satisfiable(found: Enforced) -> Enforced:
    if found.schema == NOTHING:
        raise Nonsense((), "must allow something: nothing can follow this schema")
    return found


def gaps(schema: Schema) -> tuple[Gap, ...]:
    """What of this schema is not enforced. Raises Nonsense."""
    return enforced(schema).gaps
