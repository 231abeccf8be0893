"""A real server whose models say what a test tells them: store, plan, grammar, runner, parser and HTTP are real.

The engine checks what it is told to say against the grammar: a reply that no model could give ends in an error, so "it
can be said" and "it cannot be said" are both promises that a client sees.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import talker
from faithful import events
from played import Serving, serving
from prompted import whispered

from cortex.dialects import find
from cortex.models.open import Opened
from cortex.models.settings import Settings
from cortex.models.store import Store
from cortex.server.local import LocalService

ASK: Any = [{"role": "user", "content": "Hi"}]


def tool(name: str, schema: Any = None, **more: Any) -> Any:
    """A function; `schema` None leaves its parameters out."""
    parameters = {} if schema is None else {"parameters": schema}
    return {"type": "function", "function": {"name": name, **parameters, **more}}


def takes(**properties: Any) -> Any:
    return {"type": "object", "properties": properties, "required": list(properties)}


def called(*calls: tuple[str, Any], dialect: str = "hermes") -> str:
    """How a model of the family `dialect` writes these calls."""
    return find(dialect).write(calls)


@dataclass(frozen=True)
class Said:
    """What a client reads from one reply. `calls` are names and the text of their arguments."""

    content: str | None
    reasoning: str
    calls: list[tuple[str, str]]
    finish: str
    ids: list[str] = field(default_factory=list, compare=False)

    @property
    def whole(self) -> list[tuple[str, Any]]:
        return [(name, json.loads(arguments)) for name, arguments in self.calls]


@dataclass
class Stage:
    serving: Serving[LocalService]
    store: Store
    http: httpx.Client
    templates: dict[str, str] = field(default_factory=dict)
    players: dict[str | None, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def model(self, *replies: str, template: str | None = None, **script: Any) -> str:
        """The id of a new model that says these replies in turn, and again from the first."""
        id = f"m{next(self.numbers)}"
        if template is not None:
            self.templates[id] = template
        talker.add(self.store, id, **{"replies": replies, "repeat": True, "check": True, "size": 5, **script})
        return id

    def playing(self, reply: str, template: str | None = None) -> str:
        """The id of a model that says this from now on; there is one for each template."""
        id = self.players.get(template)
        if id is None:
            id = self.players[template] = self.model(template=template)
            self.store.update(id, {"engine": "prompted:engine"})
        whispered(self.store.get(id).path).write_bytes(reply.encode())
        return id

    def post(self, model: str, **asked: Any) -> httpx.Response:
        return self.http.post("/v1/chat/completions", json={"model": model, "messages": ASK, **asked})

    def ask(self, model: str, **asked: Any) -> Said:
        """The reply, after checking that it is the same whole and streamed."""
        reply = self.post(model, **asked)
        assert reply.status_code == 200, reply.text
        whole = said(reply.json())
        streamed = self.stream(model, **asked)
        if not whole.content and not streamed.content:  # null and "" are both nothing
            streamed = replace(streamed, content=whole.content)
        assert streamed == whole
        return whole

    def stream(self, model: str, **asked: Any) -> Said:
        return added_up(events(self.post(model, stream=True, **asked).content))

    def says(self, reply: str, *, template: str | None = None, **asked: Any) -> Said:
        """What becomes of one reply."""
        return self.ask(self.playing(reply, template), **asked)

    def cannot_say(self, reply: str, *, template: str | None = None, **asked: Any) -> bool:
        """Whether the grammar keeps every model from this reply."""
        answer = self.post(self.playing(reply, template), **asked)
        if answer.status_code == 200:
            return False
        assert answer.status_code == 500, answer.text
        assert "grammar" in answer.json()["message"], answer.text
        return True


def said(body: Any) -> Said:
    (choice,) = body["choices"]
    message = choice["message"]
    listed = message.get("tool_calls", [])
    return Said(
        message["content"],
        message.get("reasoning_content", ""),
        [(call["function"]["name"], call["function"]["arguments"]) for call in listed],
        choice["finish_reason"],
        [call["id"] for call in listed],
    )


def added_up(chunks: Iterator[Any]) -> Said:
    """What a client makes of a stream that appends whatever comes: a name or an id that came twice would show."""
    content, reasoning, finish = "", "", ""
    calls: list[tuple[str, str]] = []
    ids: list[str] = []
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        delta = choice["delta"]
        content, reasoning = content + delta.get("content", ""), reasoning + delta.get("reasoning_content", "")
        finish = choice["finish_reason"] or finish
        for entry in delta.get("tool_calls", []):
            if entry["index"] == len(calls):
                calls.append(("", ""))
                ids.append("")
            (name, arguments), given = calls[entry["index"]], entry["function"]
            calls[entry["index"]] = (name + given.get("name", ""), arguments + given["arguments"])
            ids[entry["index"]] += entry.get("id", "")
    return Said(content, reasoning, calls, finish, ids)


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    store, templates = Store(folder), dict[str, str]()

    def opened(store: Store, id: str, wanted: Settings) -> Opened:
        model = talker.opened(store, id, replace(wanted, context=wanted.context or 2_000_000))
        return replace(model, profile=replace(model.profile, template=templates.get(id, model.profile.template)))

    service = LocalService(store, open_model=opened)
    with serving(service) as running, httpx.Client(base_url=running.url, timeout=120) as http:
        yield Stage(running, store, http, templates)
