"""Every reply that the field recorded, on its way to a client: the stream adds up to the whole body, chunk by chunk and
body by body as the `openai` package has them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from faithful import problems, response_problems
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from test_wire_stream import HEAD, added_up, whole, written

from cortex.core.chat import Chat
from cortex.core.events import Done, Event, fold
from cortex.core.job import Usage
from cortex.core.parse import Parser
from cortex.core.replay import Case, asked, case
from cortex.dialects import by_family
from cortex.server.wire.calls import FUNCTIONS
from cortex.server.wire.node import Node
from cortex.server.wire.responses_events import ResponseHead, ResponseWriter
from cortex.server.wire.responses_told import told

SIZE = 7  # characters at once
TOLD = ResponseHead("resp_1", 1738543890, told(Node({"model": "m", "input": "Hi"}), Chat(())), FUNCTIONS)


def heard(one: Case) -> list[Event] | None:
    """The events of a reply that comes in pieces; None where no dialect of ours is the family's."""
    dialect = by_family(one.family)
    if dialect is None:
        return None
    ids = itertools.count()
    parser = Parser(dialect, asked(one, one.thought or "may"), lambda said: said or f"call_{next(ids)}")
    pieces = (one.text[at : at + SIZE] for at in range(0, len(one.text), SIZE))
    return [*(event for piece in pieces for event in parser.feed(piece)), *parser.flush(), Done("stop", Usage(1, 1))]


@pytest.mark.slow
def test_a_recorded_reply_is_the_same_streamed_and_whole(shared_data: Path) -> None:
    rows = map(json.loads, (shared_data / "parse_cases.jsonl").read_text("utf-8").splitlines())
    replies = [(one.id, events) for one in map(case, rows) if (events := heard(one))]
    assert len(replies) > 1000
    for id, events in replies:
        chunks, body = written(events, HEAD, include_usage=True), whole(events)
        *_, last, _ = chunks
        choice = body["choices"][0]
        expected = {key: value for key, value in choice["message"].items() if value not in (None, "")}
        assert added_up(chunks) == expected, id
        assert last["choices"][0]["finish_reason"] == choice["finish_reason"], id
        assert not [*problems(body, ChatCompletion)], id
        assert not [each for chunk in chunks for each in problems(chunk, ChatCompletionChunk)], id


@pytest.mark.slow
def test_a_recorded_reply_is_told_whole_as_a_response(shared_data: Path) -> None:
    rows = map(json.loads, (shared_data / "parse_cases.jsonl").read_text("utf-8").splitlines())
    for one, events in ((one, events) for one in map(case, rows) if (events := heard(one))):
        ids, reply = itertools.count(), fold(events)
        writer = ResponseWriter(TOLD, lambda kind, ids=ids: f"{kind}{next(ids)}", lambda: 1.0)
        raw = writer.start() + b"".join(map(writer.event, events))
        assert not [*response_problems(raw, ended=True)], one.id
        output = writer.response()["output"]
        calls = [(item["name"], item["arguments"]) for item in output if item["type"] == "function_call"]
        assert calls == [(call.name, call.arguments) for call in reply.calls], one.id
        parts = [(item["type"], part["text"]) for item in output for part in item.get("content", ())]
        assert "".join(text for kind, text in parts if kind == "reasoning") == reply.reasoning, one.id
        words = "".join(text for kind, text in parts if kind == "message").split()
        assert "".join(words) == "".join(reply.text.split()), one.id
