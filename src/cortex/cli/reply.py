"""One reply of a model, shown as it comes. Text and calls go to stdout; thoughts and remarks to stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import typer

from cortex.cli import show
from cortex.cli.api import Api

Message = dict[str, Any]


@dataclass(slots=True)
class Call:
    """One call as it grows. `arguments` is JSON once the call is whole."""

    id: str = ""
    name: str = ""
    arguments: str = ""

    def message(self) -> Message:
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


@dataclass(slots=True)
class Reply:
    """What was said. `stopped`: the user did not want to hear the rest. `finish` is the server's word for the end.
    `begun` is when the first of it came, on a clock of seconds; `tokens` counts all of it."""

    text: str = ""
    calls: list[Call] = field(default_factory=list)
    finish: str = ""
    stopped: bool = False
    tokens: int = 0
    begun: float = 0.0

    def message(self) -> Message:
        """As it goes into the conversation; calls that are not whole are left out."""
        calls = [call.message() for call in self.calls] if self.finish == "tool_calls" else []
        return {"role": "assistant", "content": self.text, **({"tool_calls": calls} if calls else {})}


def speak(api: Api, body: Mapping[str, Any], *, counted: bool = False) -> Reply:
    """Ask for a reply and show it; `counted`: with its speed. Ctrl-C ends it at the server too; what came of it is
    returned."""
    screen, reply = Screen(), Reply()
    asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
    try:
        with closing(api.stream("/v1/chat/completions", asked)) as events:
            for event in events:
                _take(event, reply, screen)
    except KeyboardInterrupt:
        reply.stopped = True
    finally:
        screen.end()
    _remark(reply)
    if counted and reply.tokens > 1:
        seconds = time.monotonic() - reply.begun
        show.dim(f"[{reply.tokens} tokens, {(reply.tokens - 1) / max(seconds, 1e-3):.1f} a second]")
    return reply


def _take(event: Mapping[str, Any], reply: Reply, screen: Screen) -> None:
    for warning in (event.get("cortex") or {}).get("warnings") or ():
        screen.aside(f"[{warning}]\n")
    reply.tokens = (event.get("usage") or {}).get("completion_tokens", reply.tokens)
    choice = (event.get("choices") or [{}])[0]
    reply.finish = choice.get("finish_reason") or reply.finish
    delta = choice.get("delta") or {}
    if delta and not reply.begun:
        reply.begun = time.monotonic()
    if thought := delta.get("reasoning_content"):
        screen.aside(thought)
    if text := delta.get("content"):
        reply.text += text
        screen.text(text)
    for part in delta.get("tool_calls") or ():
        _take_call(part, reply, screen)
    if choice.get("finish_reason") and reply.calls:
        screen.text(")" if reply.finish == "tool_calls" else "...")


def _take_call(part: Mapping[str, Any], reply: Reply, screen: Screen) -> None:
    """A part of a call; calls come one after another, each drawn as `name({...})` on a line of its own."""
    function = part.get("function") or {}
    if part["index"] == len(reply.calls):
        if reply.calls:
            screen.text(")")
        reply.calls.append(Call(part.get("id", ""), function.get("name", "")))
        screen.line(f"{function.get('name', '')}(")
    reply.calls[-1].arguments += function.get("arguments") or ""
    screen.text(function.get("arguments") or "")


def _remark(reply: Reply) -> None:
    if reply.stopped:
        show.dim("[stopped]")
    elif reply.finish == "length":
        show.dim("[cut off: the context is full, or max_tokens was reached]")


class Screen:
    """Knows whether the cursor is at the beginning of a line, and whether an aside or the reply was last."""

    def __init__(self) -> None:
        self._column, self._aside = 0, False

    def text(self, text: str) -> None:
        """Part of the reply."""
        self._turn(aside=False)
        typer.echo(text, nl=False)
        sys.stdout.flush()
        self._follow(text)

    def line(self, text: str) -> None:
        """Part of the reply that begins a line."""
        self._turn(aside=False)
        self.text(f"\n{text}" if self._column else text)

    def aside(self, text: str) -> None:
        self._turn(aside=True)
        show.dim(text, nl=False)
        self._follow(text)

    def end(self) -> None:
        if self._column:
            typer.echo(err=self._aside)

    def _turn(self, *, aside: bool) -> None:
        if aside != self._aside and self._column:
            typer.echo(err=self._aside)
            self._column = 0
        self._aside = aside

    def _follow(self, text: str) -> None:
        if text:
            self._column = len(text) - text.rfind("\n") - 1
