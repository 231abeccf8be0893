"""Events -> those of a streamed response, as bytes of server-sent events, and the whole response. No I/O.

There is one path: the body without streaming is what the same writer holds when the last event has come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cortex.core.errors import CortexError
from cortex.core.events import CallBegin, CallDelta, CallEnd, Done, Echo, Event, Reasoning, Text, Tokens
from cortex.core.job import Chosen, Usage
from cortex.server.wire.calls import Shape
from cortex.server.wire.outputs import Called, CustomCalled, Fact, Output, Spoken, Status, Thought
from cortex.server.wire.response import counters

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """What stays the same in one response. `created` is Unix time in seconds. `told` repeats the request."""

    id: str
    created: int
    told: Mapping[str, Any]
    shape: Shape
    warnings: tuple[str, ...] = ()


class ResponseWriter:
    """Writes one response. White space before the first word of a message is held back: before a call it is none.

    `clock` gives the time of the end. `ended`: the last event has come.
    """

    def __init__(self, head: ResponseHead, new_id: Callable[[str], str], clock: Callable[[], float]) -> None:
        self._head, self._new_id, self._clock = head, new_id, clock
        self._output: list[Mapping[str, Any]] = []
        self._open: Output | None = None
        self._blank = ""
        self._tokens: list[Chosen] = []  # that are in no message yet
        self._sequence = 0
        self._state: dict[str, Any] = {"status": "in_progress"}
        self.usage, self.ended = Usage(), False

    def start(self) -> bytes:
        body = {"response": self.response()}
        return self._written([("response.created", body), ("response.in_progress", body)])

    def event(self, event: Event, index: int = 0) -> bytes:
        return self._written(self._facts(event))

    def failed(self, error: CortexError) -> bytes:
        """The end of a stream that failed after it had begun."""
        self._state = {"status": "failed", "error": {"code": "server_error", "message": error.message}}
        return self._written([("response.failed", {"response": self.response()})])

    def response(self) -> dict[str, Any]:
        """The whole response, as it is now."""
        empty = {"error": None, "incomplete_details": None, "completed_at": None, "usage": None}
        own = {"warnings": list(self._head.warnings)} | (counters(self.usage) if self.ended else {})
        return {
            "id": self._head.id,
            "object": "response",
            "created_at": self._head.created,
            **empty,
            **self._head.told,
            "output": list(self._output),
            **self._state,
            "cortex": own,
        }

    def _written(self, facts: Iterable[Fact]) -> bytes:
        return b"".join(map(self._line, facts))

    def _line(self, fact: Fact) -> bytes:
        kind, fields = fact
        body = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode(body))

    def _facts(self, event: Event) -> Iterator[Fact]:
        match event:
            case Text(text):
                yield from self._text(text)
            case Reasoning(""):
                pass
            case Reasoning(text):
                if not isinstance(self._open, Thought):
                    yield from self._begin(lambda index: Thought(index, self._new_id("rs_")))
                yield from self._more(text)
            case CallBegin(_, id, name):
                yield from self._begin(lambda index: self._call(index, id, name))
            case CallDelta(_, json):
                yield from self._more(json)
            case CallEnd():
                yield from self._end()
            case Tokens(tokens):
                self._tokens += tokens
            case Echo():
                pass
            case Done():
                yield from self._done(event)

    def _text(self, text: str) -> Iterator[Fact]:
        if not isinstance(self._open, Spoken):
            self._blank += text
            if not self._blank.strip():
                return
            text, self._blank = self._blank, ""
            yield from self._begin(self._message)
        yield from self._speak(text)

    def _speak(self, text: str) -> Iterator[Fact]:
        if isinstance(self._open, Spoken):
            self._open.fresh, self._tokens = spelling(text.encode(), self._tokens)
        yield from self._more(text)

    def _message(self, index: int) -> Output:
        return Spoken(index, self._new_id("msg_"))

    def _call(self, index: int, id: str, name: str) -> Output:
        if name in self._head.shape.custom:
            return CustomCalled(index, self._new_id("ctc_"), id, name)
        return Called(index, self._new_id("fc_"), id, name)

    def _begin(self, make: Callable[[int], Output]) -> Iterator[Fact]:
        yield from self._end()
        self._open = output = make(len(self._output))
        self._blank = ""
        yield "response.output_item.added", {"output_index": output.index, "item": output.item("in_progress")}
        yield from output.begin()

    def _more(self, text: str) -> Iterator[Fact]:
        if self._open and text:
            yield from self._open.more(text)

    def _end(self, status: Status = "completed") -> Iterator[Fact]:
        if output := self._open:
            yield from output.end()
            self._open = None
            self._output.append(output.item(status))
            yield "response.output_item.done", {"output_index": output.index, "item": self._output[-1]}

    def _done(self, done: Done) -> Iterator[Fact]:
        if not self._output and not self._open:  # there is always an item, as clients expect
            blank = self._blank
            yield from self._begin(self._message)
            yield from self._speak(blank)
        cut = done.finish == "length"
        whole = not (cut or isinstance(self._open, Called | CustomCalled))
        yield from self._end("completed" if whole else "incomplete")
        self.usage, self.ended = done.usage, True
        status = "incomplete" if cut else "completed"
        end = ("incomplete_details", {"reason": "max_output_tokens"}) if cut else ("completed_at", int(self._clock()))
        self._state = {"status": status, "usage": usage(done.usage), **dict([end])}
        yield f"response.{status}", {"response": self.response()}


def spelling(text: bytes, tokens: list[Chosen]) -> tuple[list[Chosen], list[Chosen]]:
    """Those of the tokens that spell this text, and those that come after it. Marks and thoughts before it are none."""
    begin = next((at for at, one in enumerate(tokens) if _begins(text, one.token.data)), len(tokens))
    end, length = begin, 0
    while end < len(tokens) and length < len(text):
        length += len(tokens[end].token.data)
        end += 1
    return tokens[begin:end], tokens[end:]


def _begins(text: bytes, token: bytes) -> bool:
    return bool(token) and (text.startswith(token) or token.startswith(text))


def usage(counts: Usage) -> dict[str, Any]:
    """OpenAI's usage of a response. What was not in the cache is there now."""
    return {
        "input_tokens": counts.prompt,
        "input_tokens_details": {"cached_tokens": counts.cached, "cache_write_tokens": counts.prompt - counts.cached},
        "output_tokens": counts.completion,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.prompt + counts.completion,
    }
