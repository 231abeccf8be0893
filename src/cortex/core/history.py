"""A conversation -> messages as chat templates take them, whatever its client made of it. Never drops a word."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from cortex.core.chat import Assistant, Message, System, ToolCall, ToolResult, User
from cortex.core.dialect import Dialect
from cortex.core.ids import Ids

Told = dict[str, Any]  # a message, as templates take it
STRAY: Final = "stray"  # key of our own, in results that answer no call; it is taken out before rendering
CLIENTS: Final = ("content", "reasoning_content", "tool_call_id", "name")  # keys whose values a client wrote
DEEPEST: Final = 64  # arguments nested deeper stay text: templates would fail on them


@dataclass(frozen=True, slots=True)
class Open:
    """A call that results may answer: its place among the calls of its message, its id as shown, and its name."""

    place: int
    id: str
    name: str


def tell(messages: Sequence[Message], ids: Ids, thought: tuple[str, str] | None) -> list[Told]:
    """The messages, each call's id as it is to be shown, and neighbouring results in the order of their calls.

    `thought` are the marks around a thought that clients leave in the text of an answer; None: it stays there.
    """
    shown = iter(ids.shown([(call.id, call.name) for message in messages for call in calls_of(message)]))
    open: dict[str, list[Open]] = {}
    told: list[Told] = []
    for are_results, group in groupby(messages, lambda message: isinstance(message, ToolResult)):
        if are_results:
            told += results([message for message in group if isinstance(message, ToolResult)], open, ids)
            continue
        for message in group:
            mine = [Open(place, next(shown), call.name) for place, call in enumerate(calls_of(message))]
            open |= by_id(calls_of(message), mine)
            told.append(said(message, mine, thought))
    return told


def calls_of(message: Message) -> tuple[ToolCall, ...]:
    return message.calls if isinstance(message, Assistant) else ()


def by_id(calls: Sequence[ToolCall], opened: Sequence[Open]) -> dict[str, list[Open]]:
    """Some clients give several calls one id."""
    found: dict[str, list[Open]] = {}
    for call, one in zip(calls, opened, strict=True):
        found.setdefault(call.id, []).append(one)
    return found


def results(given: Sequence[ToolResult], open: Mapping[str, list[Open]], ids: Ids) -> list[Told]:
    """Results as they are told: many templates match them with their calls by place."""
    matched = [(one, answered(open.get(one.call_id, []))) for one in given]
    matched.sort(key=lambda pair: sys.maxsize if pair[1] is None else pair[1].place)
    return [result(one, call, ids) for one, call in matched]


def answered(waiting: list[Open]) -> Open | None:
    match waiting:
        case []:
            return None
        case [last]:
            return last
        case _:
            return waiting.pop(0)


def result(given: ToolResult, call: Open | None, ids: Ids) -> Told:
    told: Told = {"role": "tool", "content": given.text}
    if call is None:
        return {**told, "tool_call_id": ids.stray(given.call_id), "name": "function", STRAY: True}
    return {**told, "tool_call_id": call.id, "name": call.name}


def said(message: Message, opened: Sequence[Open], thought: tuple[str, str] | None) -> Told:
    match message:
        case System(text):
            return {"role": "system", "content": text}
        case Assistant():
            return answer(message, opened, thought)
        case User(text) | ToolResult(text):
            return {"role": "user", "content": text}


def answer(message: Assistant, opened: Sequence[Open], marks: tuple[str, str] | None) -> Told:
    thought, text = (message.reasoning, message.text) if message.reasoning else apart(message.text, marks)
    told: Told = {"role": "assistant", "content": text}
    if thought:
        told["reasoning_content"] = thought
    if message.calls:
        told["tool_calls"] = [call_told(call, one.id) for call, one in zip(message.calls, opened, strict=True)]
    return told


def apart(text: str, marks: tuple[str, str] | None) -> tuple[str, str]:
    """The thought that an answer begins with, and the rest of it."""
    if marks is None or not text.lstrip().startswith(marks[0]):
        return "", text
    thought, closed, rest = text.lstrip().removeprefix(marks[0]).partition(marks[1])
    return (thought.strip(), rest.lstrip("\n")) if closed else ("", text)


def call_told(call: ToolCall, id: str) -> Told:
    return {"id": id, "type": "function", "function": {"name": call.name, "arguments": arguments(call)}}


def marks(dialect: Dialect, template: str) -> tuple[str, str] | None:
    """The marks of a thought, if the template looks for them in the text of an answer."""
    opened, closed = dialect.reasoning
    looks = re.search(rf"""(["']){re.escape(closed)}(\\n)*\1""", template)
    return (opened, closed) if opened and closed and looks else None


def hidden(message: Told, hide: Callable[[Any], Any]) -> Told:
    """The message with all that its client wrote put through `hide`."""
    out: Told = message | {key: hide(message[key]) for key in CLIENTS if key in message}
    if "tool_calls" in message:
        calls = message["tool_calls"]
        out["tool_calls"] = [
            {**call, "id": hide(call["id"]), "function": hide_function(call["function"], hide)} for call in calls
        ]
    return out


def hide_function(function: Told, hide: Callable[[Any], Any]) -> Told:
    return {"name": hide(function["name"]), "arguments": hide(function["arguments"])}


def arguments(call: ToolCall) -> dict[str, Any] | str:
    """The call's arguments as an object where they can be read as one, else the client's text as it is."""
    text: object = call.arguments.strip() or "{}"
    for _ in range(3):  # some clients write JSON into a string of JSON
        if not isinstance(text, str):
            break
        text = read(text)
    return text if isinstance(text, dict) and is_plain(text) else call.arguments


def read(text: str) -> object:
    """The value that this text spells, in JSON or as Python writes it; None where it spells none."""
    for reader in (json.loads, ast.literal_eval):
        try:
            return reader(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None


def is_plain(value: object, depth: int = 0) -> bool:
    """Whether this is JSON that is not nested too deep."""
    match value:
        case dict():
            inner = [*value.values()]
            return depth < DEEPEST and all(isinstance(key, str) for key in value) and all_plain(inner, depth)
        case list():
            return depth < DEEPEST and all_plain(value, depth)
        case _:
            return value is None or isinstance(value, str | int | float | bool)


def all_plain(values: Sequence[object], depth: int) -> bool:
    return all(is_plain(value, depth + 1) for value in values)
