"""The schemas of a chat request made ready to be enforced, with a warning for each thing that is not. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from cortex.core.chat import Chat, Tool
from cortex.core.dialect import Notation
from cortex.core.enforce import Enforced
from cortex.core.errors import BadRequest
from cortex.core.place import Nonsense
from cortex.core.schema import answer, prepared

ANSWER = "response_format.json_schema.schema"
MOST = 50  # warnings; the others are counted


def ready(chat: Chat, notation: Notation) -> tuple[Chat, tuple[str, ...]]:
    """The chat with its schemas as the engine enforces them, and what of them is not enforced in this notation.

    BadRequest names the keyword that means nothing, or that cannot be enforced where the client wants it `strict`.
    """
    found = [tool_ready(tool, place(tool, number), notation) for number, tool in enumerate(chat.tools)]
    warnings = [words for _, said in found for words in said]
    schema = chat.schema
    if schema is not None:
        with asked(ANSWER):
            made = answer(schema)
        schema, said = made.schema, list(told(made, ANSWER, strict=chat.schema_strict))
        warnings += said
    return replace(chat, tools=tuple(tool for tool, _ in found), schema=schema), few(warnings)


def place(tool: Tool, number: int) -> str:
    """The request's field that says what this tool takes."""
    return tool.place or f"tools.{number}.function.parameters"


def tool_ready(tool: Tool, field: str, notation: Notation) -> tuple[Tool, list[str]]:
    with asked(field):
        made = prepared(tool)
    made = Enforced(made.schema, (*made.gaps, *notation.arguments.gaps(made.schema)))
    return replace(tool, parameters=made.schema), list(told(made, field, strict=tool.strict))


@contextmanager
def asked(field: str) -> Iterator[None]:
    """What means nothing in this field of the request is the client's mistake."""
    try:
        yield
    except Nonsense as error:
        param = ".".join((field, *error.path))
        raise BadRequest(f"{param} {error.reason}", param=param) from None


def told(made: Enforced, field: str, *, strict: bool) -> Iterator[str]:
    """The gaps as warnings; where nothing may be passed over, the first of them is an error."""
    for gap in made.gaps:
        if strict:
            raise BadRequest(f"{field}.{gap}; 'strict' allows no such keyword", param=".".join((field, *gap.path)))
        yield f"{field}.{gap}"


def few(warnings: list[str]) -> tuple[str, ...]:
    more = len(warnings) - MOST
    return (*warnings[:MOST], *([f"and {more} more keywords of schemas are not enforced"] if more > 0 else []))
