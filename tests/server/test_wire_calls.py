"""The calls of an answer in their three shapes: whole and streamed alike, valid by OpenAI's models, once each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from faithful import problems
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from played import STOP, USAGE, call

from cortex.core.events import CallBegin, CallDelta, Done, Event, Text, fold
from cortex.server.wire import docs
from cortex.server.wire.calls import Shape
from cortex.server.wire.response import Head, completion
from cortex.server.wire.stream import ChunkWriter

CUSTOM = Head("chatcmpl-1", 1, "m", "fp_1", shape=Shape(frozenset({"say"})))
LEGACY = Head("chatcmpl-1", 1, "m", "fp_1", shape=Shape(legacy=True))
INPUT = 'a "quote"\n\\ and \U0001f600 é\t\x01'


def steps(*each: object) -> list[Event]:
    return [step for step in each if not isinstance(step, Exception | float)]  # type: ignore[misc]


def saying(text: str, size: int, *, plain: bool = True) -> list[Event]:
    """A custom call between two others, its JSON in pieces of this size; `plain`: no more is escaped than must be."""
    written = json.dumps({"input": text}, ensure_ascii=not plain)
    parts = [written[at : at + size] for at in range(0, len(written), size)]
    return steps(*call(0, "look", "{}"), *call(1, "say", *parts), *call(2, "look", '{"a": ', "1}"), STOP)


def chunks(script: list[Event], head: Head) -> list[dict[str, Any]]:
    writer = ChunkWriter(head)
    raw = writer.start() + b"".join(writer.event(event) for event in script)
    return [json.loads(line[6:]) for line in raw.decode().split("\n\n") if line not in ("", "data: [DONE]")]


def whole(script: list[Event], head: Head) -> dict[str, Any]:
    body = completion(head, fold(script))
    ChatCompletion.model_validate(body, strict=True)
    docs.ChatCompletion.model_validate(body)
    choice: dict[str, Any] = body["choices"][0]
    return choice


def checked(chunk: dict[str, Any]) -> dict[str, Any]:
    """The delta of a chunk that is right."""
    docs.ChatCompletionChunk.model_validate(chunk)
    assert [*problems(chunk, ChatCompletionChunk)] == []
    delta: dict[str, Any] = chunk["choices"][0]["delta"]
    return delta


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("plain", [True, False])
def test_a_custom_call_is_the_same_whole_and_streamed(size: int, plain: bool) -> None:
    script = saying(INPUT, size, plain=plain)
    (first, custom, second) = whole(script, CUSTOM)["message"]["tool_calls"]
    assert custom == {"id": "call_1", "type": "custom", "custom": {"name": "say", "input": INPUT}}
    assert (first["type"], second["function"]["arguments"]) == ("function", '{"a": 1}')
    deltas = [checked(chunk) for chunk in chunks(script, CUSTOM)]
    entries = [entry for delta in deltas for entry in delta.get("tool_calls", [])]
    begun, *more = [entry for entry in entries if entry["index"] == 1]
    assert begun == {"index": 1, "id": "call_1", "type": "custom", "custom": {"name": "say", "input": ""}}
    assert all(entry.keys() == {"index", "custom"} and entry["custom"].keys() == {"input"} for entry in more)
    assert all(entry["custom"]["input"] for entry in more)
    assert "".join(entry["custom"]["input"] for entry in more) == INPUT
    arguments = "".join(entry["function"]["arguments"] for entry in entries if entry["index"] == 2)
    assert arguments == '{"a": 1}'


def test_a_reply_with_a_custom_call_ends_as_with_any_call() -> None:
    script = saying("x", 1000)
    assert whole(script, CUSTOM)["finish_reason"] == "tool_calls"
    assert chunks(script, CUSTOM)[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_custom_call_that_is_cut_off_is_told_as_far_as_it_came() -> None:
    script: list[Event] = [CallBegin(0, "call_0", "say"), CallDelta(0, '{"input": "ab\\u00'), Done("length", USAGE)]
    choice = whole(script, CUSTOM)
    assert choice["finish_reason"] == "length"
    assert choice["message"]["tool_calls"][0]["custom"] == {"name": "say", "input": "ab"}
    deltas = [checked(chunk) for chunk in chunks(script, CUSTOM)]
    assert "".join(entry["custom"]["input"] for delta in deltas for entry in delta.get("tool_calls", [])) == "ab"


def test_a_custom_call_that_has_hardly_begun_has_an_empty_input() -> None:
    script: list[Event] = [CallBegin(0, "call_0", "say"), Done("length", USAGE)]
    assert whole(script, CUSTOM)["message"]["tool_calls"][0]["custom"] == {"name": "say", "input": ""}


def test_a_function_call_of_2023_is_the_same_whole_and_streamed() -> None:
    script = steps(*call(0, "look", '{"a": ', "1}"), STOP)
    choice = whole(script, LEGACY)
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "function_call": {"name": "look", "arguments": '{"a": 1}'},
    }
    assert choice["finish_reason"] == "function_call"
    told = chunks(script, LEGACY)
    assert [checked(chunk) for chunk in told] == [
        {"role": "assistant"},
        {"function_call": {"name": "look", "arguments": ""}},
        {"function_call": {"arguments": '{"a": '}},
        {"function_call": {"arguments": "1}"}},
        {},
    ]
    assert told[-1]["choices"][0]["finish_reason"] == "function_call"


def test_words_of_2023_are_words() -> None:
    script: list[Event] = [Text("Hello"), STOP]
    choice = whole(script, LEGACY)
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Hello", "stop")
    assert "function_call" not in choice["message"]
    assert chunks(script, LEGACY)[-1]["choices"][0]["finish_reason"] == "stop"


def test_a_function_call_that_is_cut_off_says_length() -> None:
    script: list[Event] = [CallBegin(0, "call_0", "look"), CallDelta(0, '{"a'), Done("length", USAGE)]
    choice = whole(script, LEGACY)
    assert choice["finish_reason"] == "length"
    assert choice["message"]["function_call"]["arguments"] == '{"a'
