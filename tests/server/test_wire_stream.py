"""Events -> chunks: valid by OpenAI's own models, in an order that all clients can read, equal to the whole body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from played import ARGUMENTS, NAMES, SCRIPTS, STOP, USAGE, call

from cortex.core.errors import EngineError
from cortex.core.events import CallDelta, Done, Event, Text, Tokens, fold
from cortex.core.job import Chosen, Logprob
from cortex.server.wire import docs
from cortex.server.wire.response import Head, completion
from cortex.server.wire.stream import ChunkWriter, error_event

HEAD = Head("chatcmpl-1", 1738543890, 'a "model":1b', "fp_1")
DONE = b"data: [DONE]\n\n"


def events(name: str) -> list[Event]:
    return [step for step in SCRIPTS[name] if not isinstance(step, Exception | float)]


def sliced(script: list[Event], size: int) -> Iterator[Event]:
    """The same events with text and arguments cut into pieces of `size` characters."""
    for event in script:
        match event:
            case Text(text):
                yield from (Text(text[at : at + size]) for at in range(0, len(text), size))
            case CallDelta(index, text):
                yield from (CallDelta(index, text[at : at + size]) for at in range(0, len(text), size))
            case _:
                yield event


def written(script: list[Event], head: Head = HEAD, *, include_usage: bool = False) -> list[dict[str, Any]]:
    """The chunks of a script; that it ends with [DONE], and only there, is checked on the way."""
    writer = ChunkWriter(head, include_usage=include_usage)
    raw = writer.start() + b"".join(writer.event(event) for event in script)
    assert raw.endswith(DONE)
    lines = raw.removesuffix(DONE).decode().split("\n\n")
    assert lines.pop() == ""
    assert all(line.startswith("data: {") and "\n" not in line for line in lines)
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def added_up(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that a client puts together: strings are appended, so a name that came twice would show."""
    message: dict[str, Any] = {}
    for delta in (choice["delta"] for chunk in chunks for choice in chunk["choices"]):
        for key in delta.keys() - {"tool_calls"}:
            message[key] = message.get(key, "") + delta[key]
        for entry in delta.get("tool_calls", []):
            calls = message.setdefault("tool_calls", [])
            if entry["index"] == len(calls):
                calls.append({"id": "", "type": "", "function": {"name": "", "arguments": ""}})
            for key in ("id", "type"):
                calls[entry["index"]][key] += entry.get(key, "")
            for key, text in entry["function"].items():
                calls[entry["index"]]["function"][key] += text
    return message


def whole(script: list[Event]) -> dict[str, Any]:
    return completion(HEAD, fold(script))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_stream_adds_up_to_the_whole_body(name: str, size: int) -> None:
    chunks = written(list(sliced(events(name), size)))
    body = whole(events(name))["choices"][0]
    message = {key: value for key, value in body["message"].items() if value not in (None, "")}
    assert added_up(chunks) == message
    assert chunks[-1]["choices"][0]["finish_reason"] == body["finish_reason"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("include_usage", [False, True])
def test_every_chunk_is_one_of_openais(name: str, include_usage: bool) -> None:
    for chunk in written(events(name), include_usage=include_usage):
        ChatCompletionChunk.model_validate(chunk, strict=True)
        docs.ChatCompletionChunk.model_validate(chunk)


@pytest.mark.parametrize("name", NAMES)
def test_every_body_is_one_of_openais(name: str) -> None:
    body = whole(events(name))
    ChatCompletion.model_validate(body, strict=True)
    docs.ChatCompletion.model_validate(body)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_chunks_is_what_every_client_can_read(name: str) -> None:
    chunks = written(events(name))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant"}
    assert all("role" not in delta for delta in deltas[1:])
    assert deltas[-1] == {}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    begun = -1
    for entries in (delta["tool_calls"] for delta in deltas if "tool_calls" in delta):
        (entry,) = entries  # one entry a chunk: some clients read only the first
        if entry["index"] > begun:
            begun += 1
            assert entry == {
                "index": begun,
                "id": f"call_{begun}",
                "type": "function",
                "function": {"name": entry["function"]["name"], "arguments": ""},
            }
        else:
            assert entry == {"index": begun, "function": {"arguments": entry["function"]["arguments"]}}
            assert entry["function"]["arguments"] != ""


@pytest.mark.parametrize("name", NAMES)
def test_all_chunks_have_one_head(name: str) -> None:
    heads = {(c["id"], c["created"], c["model"], c["system_fingerprint"]) for c in written(events(name))}
    assert heads == {("chatcmpl-1", 1738543890, 'a "model":1b', "fp_1")}


@pytest.mark.parametrize(
    ("name", "reason", "content"),
    [
        ("words", "stop", "Hello, wörld\n✓"),
        ("call", "tool_calls", None),
        ("two", "tool_calls", None),
        ("said first", "tool_calls", " Let me look.\n\n"),
        ("thinks and calls", "tool_calls", None),
        ("cut", "length", None),
        ("long", "length", "and on and"),
        ("nothing", "stop", ""),
        ("blank", "stop", " \n"),
    ],
)
def test_reason_and_content_are_honest(name: str, reason: str, content: str | None) -> None:
    choice = whole(events(name))["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == (reason, content)


def test_arguments_come_through_unchanged() -> None:
    (first, second) = whole(events("two"))["choices"][0]["message"]["tool_calls"]
    assert first == {"id": "call_0", "type": "function", "function": {"name": "get_date", "arguments": ARGUMENTS}}
    assert second["function"] == {"name": "get_weather", "arguments": '{"unit": "Celsius"}'}


def test_white_space_before_a_call_is_no_content() -> None:
    assert "content" not in added_up(written(events("two")))


def test_reasoning_has_both_names_and_only_where_there_is_some() -> None:
    message = whole(events("thinks"))["choices"][0]["message"]
    assert message["reasoning_content"] == message["reasoning"] == "Hm, yes."
    assert not {"reasoning_content", "reasoning"} & whole(events("words"))["choices"][0]["message"].keys()
    assert "tool_calls" not in message


def test_usage_is_in_a_last_chunk_without_choices_if_asked_for() -> None:
    *chunks, last = written(events("call"), include_usage=True)
    assert last["choices"] == []
    assert last["usage"] == whole(events("call"))["usage"] == {
        "prompt_tokens": 12,
        "completion_tokens": 7,
        "total_tokens": 19,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {
            "reasoning_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    }  # fmt: skip
    assert last["cortex"] == {"forced_tokens": 3, "decodes": 5}
    assert all(chunk["usage"] is None for chunk in chunks)
    assert all("usage" not in chunk for chunk in written(events("call")))


def test_warnings_are_in_the_first_chunk_and_in_the_whole_body() -> None:
    head = Head("chatcmpl-1", 1, "m", "fp", warnings=("colour: unknown",))
    first, *rest = written(events("words"), head)
    assert first["cortex"] == {"warnings": ["colour: unknown"]}
    assert all("cortex" not in chunk for chunk in rest)
    assert completion(head, fold(events("words")))["cortex"]["warnings"] == ["colour: unknown"]


def test_a_call_that_is_cut_off_is_sent_as_far_as_it_came() -> None:
    (cut,) = added_up(written(events("cut")))["tool_calls"]
    assert cut["function"]["arguments"] == '{"order'


def test_an_open_call_is_no_call_to_finish_with() -> None:
    begun = [event for event in events("call") if type(event).__name__ != "CallEnd"]
    assert written(begun)[-1]["choices"][0]["finish_reason"] == "stop"


def test_an_error_event_has_all_four_fields_and_the_message() -> None:
    raw = error_event(EngineError("the runner ended"))
    error = json.loads(raw.removeprefix(b"data: "))
    assert error["error"] == {
        "message": "the runner ended",
        "type": "server_error",
        "param": None,
        "code": "engine_error",
    }
    assert error["message"] == "the runner ended"
    assert b"[DONE]" not in raw


def test_choices_that_come_mixed_add_up_each_and_are_counted_together() -> None:
    scripts = [events("words"), events("two"), events("cut")]
    writer = ChunkWriter(replace(HEAD, warnings=("w",)), include_usage=True, count=3)
    raw = writer.start()
    for step in zip_longest(*scripts):
        raw += b"".join(writer.event(event, index) for index, event in enumerate(step) if event is not None)
    assert raw.endswith(DONE)
    assert raw.count(DONE) == 1
    lines = raw.removesuffix(DONE).decode().split("\n\n")[:-1]
    *chunks, last = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [chunk["choices"][0]["index"] for chunk in chunks[:3]] == [0, 1, 2]
    assert [chunk.get("cortex") for chunk in chunks[:3]] == [{"warnings": ["w"]}, None, None]
    body = completion(HEAD, *map(fold, scripts))
    for index, name in enumerate(("words", "two", "cut")):
        own = [chunk for chunk in chunks if chunk["choices"][0]["index"] == index]
        assert added_up(own) == added_up(written(events(name)))
        assert own[-1]["choices"][0]["finish_reason"] == body["choices"][index]["finish_reason"]
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert last["usage"] == body["usage"]
    assert (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == (12, 3 * 7)


def test_log_probabilities_go_with_the_next_chunk_and_none_is_lost() -> None:
    tokens = [Chosen(Logprob(bytes([at]), -at / 4), (Logprob("ß".encode(), -0.5),)) for at in range(195, 199)]
    script = [Tokens((tokens[0],)), Text(" "), Tokens((tokens[1],)), Text("Hi"), Tokens(tuple(tokens[2:])), STOP]
    chunks = written(script)
    told = [chunk["choices"][0]["logprobs"] for chunk in chunks]
    assert [told[0], *(len(one["content"]) for one in told[1:])] == [None, 2, 2]
    body = completion(HEAD, fold(script))
    docs.ChatCompletion.model_validate(body)
    ChatCompletion.model_validate(body, strict=True)
    content = body["choices"][0]["logprobs"]["content"]
    assert content == [one for each in told[1:] for one in each["content"]]
    assert content[0] == {
        "token": "\ufffd", "logprob": -48.75, "bytes": [195],
        "top_logprobs": [{"token": "ß", "logprob": -0.5, "bytes": [195, 159]}],
    }  # fmt: skip


def test_calls_without_arguments_have_one_entry() -> None:
    script = [step for step in [*call(0, "ping"), Done("stop", USAGE)] if not isinstance(step, Exception | float)]
    assert added_up(written(script))["tool_calls"][0]["function"] == {"name": "ping", "arguments": ""}
