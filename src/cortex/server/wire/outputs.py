"""The items of a response's output while they are said: a message, a thought, a call. Each tells the same facts twice:
as events on the way, and as an item in the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from cortex.core.job import Chosen
from cortex.core.unquote import Unquote
from cortex.server.wire.response import each

Json = Mapping[str, Any]
Fact = tuple[str, Json]  # an event's type, and its fields
Status = Literal["in_progress", "completed", "incomplete"]


class Output(Protocol):
    """Item number `index` of an output."""

    index: int

    def item(self, status: Status) -> Json: ...
    def begin(self) -> Iterator[Fact]: ...
    def more(self, text: str) -> Iterator[Fact]: ...
    def end(self) -> Iterator[Fact]: ...


@dataclass(slots=True)
class Part:
    """A text of one part: what messages and thoughts have in common."""

    index: int
    id: str
    kind: str  # of the part
    said: str  # the name of the events of its text
    text: str = ""

    @property
    def place(self) -> dict[str, Any]:
        return {"item_id": self.id, "output_index": self.index, "content_index": 0}

    def part(self) -> dict[str, Any]:
        return {"type": self.kind, "text": self.text}

    def begin(self) -> Iterator[Fact]:
        yield "response.content_part.added", self.place | {"part": self.part()}

    def more(self, text: str) -> Iterator[Fact]:
        self.text += text
        yield f"response.{self.said}.delta", self.place | {"delta": text}

    def end(self) -> Iterator[Fact]:
        yield f"response.{self.said}.done", self.place | {"text": self.text}
        yield "response.content_part.done", self.place | {"part": self.part()}


class Thought(Part):
    def __init__(self, index: int, id: str) -> None:
        super().__init__(index, id, "reasoning_text", "reasoning_text")

    def item(self, status: Status) -> Json:
        parts = [self.part()] if self.text else []
        return {"id": self.id, "type": "reasoning", "summary": [], "content": parts, "status": status}


class Spoken(Part):
    """A message. `likely` are the tokens of its text so far, where the client asked for log probabilities."""

    def __init__(self, index: int, id: str) -> None:
        super().__init__(index, id, "output_text", "output_text")
        self.likely: list[Chosen] = []
        self.fresh: list[Chosen] = []  # that the next delta tells

    def item(self, status: Status) -> Json:
        parts = [] if status == "in_progress" else [self.part()]
        return {"id": self.id, "type": "message", "role": "assistant", "status": status, "content": parts}

    def part(self) -> dict[str, Any]:
        return super().part() | {"annotations": [], "logprobs": each(self.likely)}

    def more(self, text: str) -> Iterator[Fact]:
        told, self.fresh = self.fresh, []
        self.likely += told
        for kind, fields in super().more(text):
            yield kind, {**fields, "logprobs": each(told, exact=False)}

    def end(self) -> Iterator[Fact]:
        (kind, fields), *others = super().end()
        yield kind, {**fields, "logprobs": each(self.likely, exact=False)}
        yield from others


@dataclass(slots=True)
class Called:
    """A call to a function."""

    index: int
    id: str
    call_id: str
    name: str
    arguments: str = ""

    @property
    def place(self) -> dict[str, Any]:
        return {"item_id": self.id, "output_index": self.index}

    def item(self, status: Status) -> Json:
        said = {"call_id": self.call_id, "name": self.name, "arguments": self.arguments}
        return {"id": self.id, "type": "function_call", "status": status} | said

    def begin(self) -> Iterator[Fact]:
        yield from ()

    def more(self, text: str) -> Iterator[Fact]:
        self.arguments += text
        yield "response.function_call_arguments.delta", self.place | {"delta": text}

    def end(self) -> Iterator[Fact]:
        yield "response.function_call_arguments.done", self.place | {"arguments": self.arguments}


@dataclass(slots=True)
class CustomCalled:
    """A call to a custom tool: its text comes in whole characters."""

    index: int
    id: str
    call_id: str
    name: str
    input: str = ""
    unquote: Unquote = field(default_factory=Unquote)

    @property
    def place(self) -> dict[str, Any]:
        return {"item_id": self.id, "output_index": self.index}

    def item(self, status: Status) -> Json:
        said = {"call_id": self.call_id, "name": self.name, "input": self.input}
        return {"id": self.id, "type": "custom_tool_call"} | said

    def begin(self) -> Iterator[Fact]:
        yield from ()

    def more(self, text: str) -> Iterator[Fact]:
        if new := self.unquote.feed(text):
            self.input += new
            yield "response.custom_tool_call_input.delta", self.place | {"delta": new}

    def end(self) -> Iterator[Fact]:
        yield "response.custom_tool_call_input.done", self.place | {"input": self.input}
