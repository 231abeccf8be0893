"""The real `openai` client against a real server on a real port; only the model is played."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.lib.streaming.chat import ChatCompletionStreamState
from played import ARGUMENTS, NAMES, SCRIPTS, STOP, PlayedService, Serving
from pydantic import BaseModel

from cortex.core.chat import Choice
from cortex.core.errors import EngineError, LoadError
from cortex.core.events import Text

HI: Any = [{"role": "user", "content": "Hi"}]
TOOLS: Any = [
    {"type": "function", "function": {"name": "get_date", "parameters": {"type": "object"}}},
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}},
]


@pytest.fixture
def client(server: Serving[PlayedService]) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key="not-needed", max_retries=0) as client:
        yield client


def test_a_tool_call_comes_whole(client: OpenAI) -> None:
    reply = client.chat.completions.create(model="two", messages=HI, tools=TOOLS)
    choice = reply.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert choice.message.tool_calls is not None
    assert [call.id for call in choice.message.tool_calls] == ["call_0", "call_1"]
    assert choice.message.tool_calls[0].type == "function"
    assert choice.message.tool_calls[0].function.arguments == ARGUMENTS
    assert (reply.model, reply.created, reply.system_fingerprint) == ("two", 1738543890, "fp_played")
    assert reply.id.startswith("chatcmpl-")
    assert reply.usage is not None
    assert reply.usage.prompt_tokens_details is not None
    assert reply.usage.prompt_tokens_details.cached_tokens == 4


@pytest.mark.parametrize("name", NAMES)
def test_the_clients_own_accumulator_gives_what_is_sent_whole(client: OpenAI, name: str) -> None:
    whole = client.chat.completions.create(model=name, messages=HI).choices[0]
    state = ChatCompletionStreamState()
    for chunk in client.chat.completions.create(model=name, messages=HI, stream=True):
        state.handle_chunk(chunk)
    streamed = state.current_completion_snapshot.choices[0]
    assert streamed.finish_reason == whole.finish_reason
    assert (streamed.message.content or "") == (whole.message.content or "")
    calls = [(call.id, call.function.name, call.function.arguments) for call in streamed.message.tool_calls or []]
    expected = [
        (call.id, call.function.name, call.function.arguments)
        for call in whole.message.tool_calls or []
        if call.type == "function"
    ]
    assert calls == expected


@pytest.mark.parametrize("name", ["two", "cut"])
def test_several_choices_are_sent_whole_as_they_are_streamed(client: OpenAI, name: str) -> None:
    whole = client.chat.completions.create(model=name, messages=HI, n=3)
    state = ChatCompletionStreamState()
    asked: Any = {"stream": True, "stream_options": {"include_usage": True}}
    for chunk in client.chat.completions.create(model=name, messages=HI, n=3, **asked):
        state.handle_chunk(chunk)
    streamed = state.current_completion_snapshot
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    assert whole.usage is not None
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (12, 21)
    assert streamed.usage == whole.usage
    for one, other in zip(streamed.choices, whole.choices, strict=True):
        assert one.finish_reason == other.finish_reason
        assert [call.function.arguments for call in one.message.tool_calls or []] == [
            call.function.arguments for call in other.message.tool_calls or [] if call.type == "function"
        ]


def test_the_stream_helper_tells_each_calls_arguments_once(client: OpenAI) -> None:
    with client.chat.completions.stream(model="two", messages=HI, tools=TOOLS) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        final = stream.get_final_completion()
    assert [(event.index, event.name, event.arguments) for event in done] == [
        (0, "get_date", ARGUMENTS),
        (1, "get_weather", '{"unit": "Celsius"}'),
    ]
    assert final.choices[0].finish_reason == "tool_calls"


async def test_the_async_client_streams_and_does_not(server: Serving[PlayedService]) -> None:
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key="x", max_retries=0) as client:
        whole = await client.chat.completions.create(model="words", messages=HI)
        stream = await client.chat.completions.create(
            model="words", messages=HI, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content == "Hello, wörld\n✓"
    assert chunks[-1].usage == whole.usage


def test_parse_reads_a_structured_answer(client: OpenAI, server: Serving[PlayedService]) -> None:
    class Appointment(BaseModel):
        day: str

    reply = client.chat.completions.parse(model="json", messages=HI, response_format=Appointment)
    assert reply.choices[0].message.parsed == Appointment(day="Monday")
    schema = server.service.asked[0].schema
    assert schema is not None
    assert schema["required"] == ["day"]


def test_a_reply_can_be_sent_back_as_it_came(client: OpenAI, server: Serving[PlayedService]) -> None:
    message = client.chat.completions.create(model="call", messages=HI, tools=TOOLS).choices[0].message
    history = [*HI, message, {"role": "tool", "tool_call_id": "call_0", "content": "Monday"}]
    reply = client.chat.completions.create(model="words", messages=history, tools=TOOLS)
    assert reply.choices[0].message.content == "Hello, wörld\n✓"
    assert reply.model_extra is not None
    assert reply.model_extra["cortex"]["warnings"] == []
    assert len(server.service.asked[1].messages) == 3


def test_the_choice_reaches_the_service(client: OpenAI, server: Serving[PlayedService]) -> None:
    named: Any = {"type": "function", "function": {"name": "get_weather"}}
    client.chat.completions.create(model="call", messages=HI, tools=TOOLS, tool_choice=named)
    (chat,) = server.service.asked
    assert (chat.choice, chat.parallel) == (Choice("required", frozenset({"get_weather"})), False)


def test_models_are_listed_and_told(client: OpenAI) -> None:
    assert {model.id for model in client.models.list()} == set(SCRIPTS)
    assert client.models.retrieve("words").created == 1738543890


def test_a_bad_request_raises_with_the_fields_name(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="words", messages=HI, temperature=3)
    assert (caught.value.param, caught.value.type) == ("temperature", "invalid_request_error")
    assert "from 0 to 2" in caught.value.message


def test_an_unknown_model_raises_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="none such", messages=HI)
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("none such")


def test_a_model_that_cannot_be_loaded_is_not_tried_again(server: Serving[PlayedService]) -> None:
    server.service.failures["words"] = LoadError("the file is broken: pull it again")
    client = OpenAI(base_url=f"{server.url}/v1", api_key="x", max_retries=3)
    with client, pytest.raises(openai.InternalServerError, match="pull it again") as caught:
        client.chat.completions.create(model="words", messages=HI)
    assert caught.value.status_code == 503
    assert len(server.service.asked) == 1


def test_an_engine_that_fails_whole_is_a_500_with_its_words(client: OpenAI, server: Serving[PlayedService]) -> None:
    server.service.scripts["words"] = [Text("Hel"), EngineError("the runner was ended by SIGKILL")]
    with pytest.raises(openai.InternalServerError, match="SIGKILL"):
        client.chat.completions.create(model="words", messages=HI)


def test_an_engine_that_fails_in_mid_stream_raises_there(client: OpenAI, server: Serving[PlayedService]) -> None:
    server.service.scripts["words"] = [Text("Hel"), EngineError("the runner was ended by SIGKILL"), STOP]
    stream = client.chat.completions.create(model="words", messages=HI, stream=True)
    assert [next(stream).choices[0].delta.content for _ in range(2)] == [None, "Hel"]
    with pytest.raises(openai.APIError, match="SIGKILL") as caught:
        next(stream)
    assert caught.value.code == "engine_error"


def test_fields_that_nobody_knows_are_named_in_the_reply(client: OpenAI, server: Serving[PlayedService]) -> None:
    server.service.warnings = ("tools.0: said by the plan",)
    reply = client.chat.completions.create(model="words", messages=HI, extra_body={"colour": "red"})
    assert reply.model_extra is not None
    assert reply.model_extra["cortex"]["warnings"] == [
        "colour: this server knows no such field; it has no effect",
        "tools.0: said by the plan",
    ]
