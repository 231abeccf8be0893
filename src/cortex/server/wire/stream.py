"""Events -> the chunks of a streamed chat completion, as bytes of server-sent events. No I/O.

The form that all known clients read alike: a first chunk with the role; per call one entry with id, type, name and
empty arguments, then entries with arguments only (calls.py); one entry a chunk; the finish reason in a chunk with an
empty delta; a chunk of usage without choices if it was asked for. Our own `cortex.warnings` are in the first chunk, the
counters beside the usage.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from cortex.core.errors import CortexError
from cortex.core.events import CallBegin, CallDelta, CallEnd, Done, Echo, Event, Reasoning, Reply, Text, Tokens
from cortex.core.job import Chosen, Usage, total
from cortex.server.wire.calls import CallWriter, Shape
from cortex.server.wire.errors import error_body
from cortex.server.wire.response import Head, counters, logprobs, reasoning, usage

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
_encode = msgspec.json.Encoder().encode


class Writer(Protocol):
    """What writes one streamed answer: its beginning, then each event of each choice. `usage` is known at the end."""

    def start(self) -> bytes: ...
    def event(self, event: Event, index: int = 0) -> bytes: ...
    def failed(self, error: CortexError) -> bytes:
        """The end of a stream that failed after it had begun."""
        return error_event(error)

    @property
    def usage(self) -> Usage: ...


class ChunkWriter(Writer):
    """Writes one answer of `count` choices. Every method gives the bytes to send now, maybe none; what ends the stream
    comes with the end of its last choice."""

    def __init__(self, head: Head, *, include_usage: bool = False, count: int = 1) -> None:
        self._include_usage, self._open = include_usage, count
        self._before = b"data: " + _encode(head.fields("chat.completion.chunk"))[:-1]
        self._own = b',"cortex":' + _encode({"warnings": head.warnings}) if head.warnings else b""
        nulls = b',"usage":null' if include_usage else b""
        self._choices = [Choice(self._before, index, nulls, head.shape) for index in range(count)]

    def start(self) -> bytes:
        first, *others = (choice.start() for choice in self._choices)
        return b"".join([first.removesuffix(b"}\n\n"), self._own, b"}\n\n", *others])

    def event(self, event: Event, index: int = 0) -> bytes:
        chunk = self._choices[index].event(event)
        if isinstance(event, Done):
            self._open -= 1
        return chunk if self._open else chunk + self._end()

    @property
    def usage(self) -> Usage:
        """What all choices took, once they have ended."""
        return total([choice.reply.usage for choice in self._choices])

    def _end(self) -> bytes:
        if not self._include_usage:
            return DONE
        last = {"choices": [], "usage": usage(self.usage), "cortex": counters(self.usage)}
        return self._before + b"," + _encode(last)[1:] + b"\n\n" + DONE


class Choice:
    """Writes one choice of an answer.

    White space before the first word is held back: before a call it is no content, and is dropped, so that the
    stream adds up to the body that is sent without streaming. Log probabilities go with the next chunk.
    """

    def __init__(self, before: bytes, index: int, nulls: bytes, shape: Shape) -> None:
        self._delta, self._nulls = before + b',"choices":[{"index":%d,"delta":' % index, nulls
        self._shape, self._calls = shape, CallWriter(shape)
        self.reply = Reply()  # of the calls and the end only: it knows the finish reason
        self._blank: str | None = ""  # white space held back; None once a word was sent
        self._tokens: list[Chosen] = []  # of which no chunk has told yet

    def start(self) -> bytes:
        return self._chunk(b'{"role":"assistant"}')

    def event(self, event: Event) -> bytes:
        match event:
            case Text(text):
                return self._text(text)
            case CallDelta(_, "") | Reasoning("") | Echo():
                return b""
            case CallDelta(index, json):
                more = self._calls.more(index, json)
                return self._chunk(more) if more else b""
            case CallBegin():
                self.reply.add(event)
                return self._chunk(self._calls.begin(event))
            case CallEnd():
                self.reply.add(event)
                return b""
            case Reasoning(text):
                return self._chunk(_encode(reasoning(text)))
            case Tokens(tokens):
                self._tokens += tokens
                return b""
            case Done():
                self.reply.add(event)
                held = b"" if self.reply.calls else self._content(self._blank or "")
                return held + self._chunk(b"{}", b'"%b"' % self._reason())

    def _reason(self) -> bytes:
        return self._shape.reason(self.reply.finish_reason).encode()

    def _text(self, text: str) -> bytes:
        if self._blank is not None:
            text = self._blank + text
            self._blank = None if text.strip() else text
        return self._content(text) if self._blank is None else b""

    def _content(self, text: str) -> bytes:
        return self._chunk(b'{"content":%b}' % _encode(text)) if text else b""

    def _chunk(self, delta: bytes, reason: bytes = b"null") -> bytes:
        told, self._tokens = _encode(logprobs(self._tokens)) if self._tokens else b"null", []
        return b'%b%b,"logprobs":%b,"finish_reason":%b}]%b}\n\n' % (self._delta, delta, told, reason, self._nulls)


def error_event(error: CortexError) -> bytes:
    """The end of a stream that failed after it had begun: clients raise at a chunk with `error` in it. No [DONE]."""
    return b"data: " + _encode(error_body(error)) + b"\n\n"
