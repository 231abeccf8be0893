"""A conversation with words in place of its texts: shows what a template refuses or drops, whatever the texts are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, Final

from cortex.core.history import Told
from cortex.core.template import SOME_DAY, TemplateError, render

REFUSED: Final = -1


class Words:
    """Gives each text a word of its own, and the same one for the same name or id."""

    def __init__(self) -> None:
        self.numbers = count()
        self.named: dict[str, str] = {}

    def new(self) -> str:
        return f"quail{next(self.numbers):06d}x"

    def name(self, name: str) -> str:
        return self.named.setdefault(f"name {name}", self.new())

    def id(self, id: str) -> str:
        return self.named.setdefault(f"id {id}", f"quai{next(self.numbers):05d}")  # nine characters, as Mistral wants

    def text(self, text: str) -> str:
        return self.new() if text.strip() else text


def skeleton(messages: Sequence[Told]) -> list[Told]:
    """The messages with words for texts: the same for all conversations of one shape."""
    words = Words()
    return [bones(message, words) for message in messages]


def bones(message: Told, words: Words) -> Told:
    out = {**message, "content": words.text(message["content"])}
    if "reasoning_content" in message:
        out["reasoning_content"] = "quailthought"
    if "tool_call_id" in message:
        out |= {"tool_call_id": words.id(message["tool_call_id"]), "name": words.name(message["name"])}
    if "tool_calls" in message:
        out["tool_calls"] = [bare_call(call, words) for call in message["tool_calls"]]
    return out


def bare_call(call: Told, words: Words) -> Told:
    function = call["function"]
    match function["arguments"]:
        case str():
            given: Any = words.new()
        case {**pairs} if pairs:
            given = {words.new(): words.new()}
        case _:
            given = {}
    return {**call, "id": words.id(call["id"]), "function": {"name": words.name(function["name"]), "arguments": given}}


def spoken(messages: Sequence[Told]) -> Iterator[str]:
    """The words of a skeleton that a prompt must show: all but thoughts, ids and the names that results repeat."""
    for message in messages:
        yield message["content"].strip()
        for call in message.get("tool_calls", ()):
            yield call["function"]["name"]
            given = call["function"]["arguments"]
            yield from [given] if isinstance(given, str) else (*given, *given.values())


def lost(template: str, values: Mapping[str, Any], words: Sequence[str]) -> int:
    """How many of these words the template drops; `REFUSED` where it does not render."""
    return _lost(template, json.dumps(values), tuple(words))


@lru_cache(maxsize=256)
def _lost(template: str, values: str, words: tuple[str, ...]) -> int:
    try:
        text = render(template, json.loads(values), SOME_DAY)
    except TemplateError:
        return REFUSED
    return sum(word not in text for word in words)
