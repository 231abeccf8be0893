"""What a model said, as a stream of small facts. A whole reply is the fold of its stream; there is no second path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from cortex.core.job import Chosen, Finish, Usage

FinishReason = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    text: str


@dataclass(frozen=True, slots=True)
class CallBegin:
    """Call number `index` (0, 1, 2 ... without gaps) to a known tool has begun. `id` is unique: `call_...`."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class CallDelta:
    """More of the arguments' JSON text; all deltas of a call joined are the arguments."""

    index: int
    json: str


@dataclass(frozen=True, slots=True)
class CallEnd:
    index: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that the events after this one come from, where the client asked for log probabilities."""

    tokens: tuple[Chosen, ...]


@dataclass(frozen=True, slots=True)
class Echo:
    """More of the prompt's tokens, as in `Piece.prompt`. They come before everything else."""

    tokens: tuple[Chosen | bytes, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The last event of every reply."""

    finish: Finish
    usage: Usage


Event = Text | Reasoning | CallBegin | CallDelta | CallEnd | Tokens | Echo | Done


@dataclass(slots=True)
class Call:
    id: str
    name: str
    arguments: str = ""
    complete: bool = False


@dataclass(slots=True)
class Reply:
    text: str = ""
    reasoning: str = ""
    calls: list[Call] = field(default_factory=list)
    tokens: list[Chosen] = field(default_factory=list)
    echoed: list[Chosen | bytes] = field(default_factory=list)
    finish: Finish = "stop"
    usage: Usage = Usage()

    @property
    def finish_reason(self) -> FinishReason:
        """OpenAI's word for why the reply ended: `length` wins; `tool_calls` only where every call is whole."""
        if self.finish == "length":
            return "length"
        return "tool_calls" if self.calls and all(call.complete for call in self.calls) else "stop"

    def add(self, event: Event) -> None:
        match event:
            case Text(text):
                self.text += text
            case Reasoning(text):
                self.reasoning += text
            case CallBegin(_, id, name):
                self.calls.append(Call(id, name))
            case CallDelta(index, json):
                self.calls[index].arguments += json
            case CallEnd(index):
                self.calls[index].complete = True
            case Tokens(tokens):
                self.tokens += tokens
            case Echo(tokens):
                self.echoed += tokens
            case Done(finish, usage):
                self.finish, self.usage = finish, usage


def fold(events: Iterable[Event]) -> Reply:
    """The reply that these events add up to."""
    reply = Reply()
    for event in events:
        reply.add(event)
    return reply
