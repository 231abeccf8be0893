"""Events -> the chunks of a streamed chat completion, as bytes of server-sent events. No I/O.

The form that all known clients read alike: a first chunk with the role; per call one entry with id, type, name and
empty arguments, then entries with arguments only; one entry a chunk; the finish reason in a chunk with an empty
delta; a chunk of usage without choices if it was asked for. Our own `cortex.warnings` are in the first chunk, the
counters beside the usage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cortex.core.errors import CortexError
from cortex.core.events import CallBegin, CallDelta, CallEnd, Done, Event, Reasoning, Reply, Text
from cortex.server.wire.errors import error_body
from cortex.server.wire.response import Head, counters, reasoning, usage

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
_encode = msgspec.json.Encoder().encode


class ChunkWriter:
    """Writes one choice of one answer. Every method gives the bytes to send now, maybe none.

    White space before the first word is held back: before a call it is no content, and is dropped, so that the
    stream adds up to the body that is sent without streaming.
    """

    def __init__(self, head: Head, *, include_usage: bool = False, index: int = 0) -> None:
        self._head, self._include_usage = head, include_usage
        self._before = b"data: " + _encode(head.fields("chat.completion.chunk"))[:-1]
        self._delta = self._before + b',"choices":[{"index":%d,"delta":' % index
        self._after = b',"logprobs":null,"finish_reason":null}]' + (b',"usage":null' if include_usage else b"")
        self._reply = Reply()  # of the calls and the end only: it knows the finish reason
        self._blank: str | None = ""  # white space held back; None once a word was sent
        self._reasoned = False

    def start(self) -> bytes:
        own = b',"cortex":' + _encode({"warnings": self._head.warnings}) if self._head.warnings else b""
        return self._delta + b'{"role":"assistant"}' + self._after + own + b"}\n\n"

    def event(self, event: Event) -> bytes:
        match event:
            case Text(text):
                return self._text(text)
            case CallDelta(_, ""):
                return b""
            case CallDelta(index, json):
                return self._chunk(
                    b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}' % (index, _encode(json))
                )
            case CallBegin():
                self._reply.add(event)
                return self._chunk(_encode(_first_entry(event)))
            case CallEnd():
                self._reply.add(event)
                return b""
            case Reasoning(text):
                self._reasoned = self._reasoned or bool(text)
                return self._chunk(_encode(reasoning(text))) if text else b""
            case Done():
                self._reply.add(event)
                return self._end()

    def _text(self, text: str) -> bytes:
        if self._blank is not None:
            text = self._blank + text
            self._blank = None if text.strip() else text
        return self._content(text) if self._blank is None else b""

    def _content(self, text: str) -> bytes:
        return self._chunk(b'{"content":%b}' % _encode(text)) if text else b""

    def _chunk(self, delta: bytes) -> bytes:
        return self._delta + delta + self._after + b"}\n\n"

    def _end(self) -> bytes:
        held = b"" if self._reply.calls else self._content(self._blank or "")
        reason = b'{},"logprobs":null,"finish_reason":"%b"}]' % self._reply.finish_reason.encode()
        nulls = b',"usage":null' if self._include_usage else b""
        return held + self._delta + reason + nulls + b"}\n\n" + self._usage() + DONE

    def _usage(self) -> bytes:
        if not self._include_usage:
            return b""
        counts = self._reply.usage
        last = {"choices": [], "usage": usage(counts, reasoned=self._reasoned), "cortex": counters(counts)}
        return self._before + b"," + _encode(last)[1:] + b"\n\n"


def _first_entry(begin: CallBegin) -> Mapping[str, Any]:
    function = {"name": begin.name, "arguments": ""}
    return {"tool_calls": [{"index": begin.index, "id": begin.id, "type": "function", "function": function}]}


def error_event(error: CortexError) -> bytes:
    """The end of a stream that failed after it had begun: clients raise at a chunk with `error` in it. No [DONE]."""
    return b"data: " + _encode(error_body(error)) + b"\n\n"
