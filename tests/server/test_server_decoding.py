"""How a client may want its tokens: log probabilities, its own grammar, a prediction. On real weights."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from played import serving

from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService

pytestmark = pytest.mark.model

MODEL = "qwen2.5-coder:0.5b"
LIGHT: Any = {
    "type": "function",
    "function": {
        "name": "set_light",
        "parameters": {
            "type": "object",
            "properties": {"room": {"enum": ["kitchen", "bedroom"]}, "on": {"type": "boolean"}},
            "required": ["room", "on"],
        },
    },
}
COUNT = "Count from 1 to 20, separated by commas, and say nothing else."


@pytest.fixture(scope="module")
def client(qwen_coder_05: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    store = Store(tmp_path_factory.mktemp("data"))
    importing.add(store, MODEL, qwen_coder_05)
    with serving(LocalService(store)) as running, OpenAI(base_url=f"{running.url}/v1", api_key="x") as client:
        yield client.with_options(max_retries=0)


def ask(client: OpenAI, text: str, **options: Any) -> Any:
    given = {"messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": 60, **options}
    return client.chat.completions.create(model=MODEL, **given)


def test_tokens_inside_a_call_are_told_whole_and_streamed(client: OpenAI) -> None:
    options: Any = {"tools": [LIGHT], "tool_choice": "required", "logprobs": True, "top_logprobs": 2}
    ask(client, "Light in the kitchen, please.", **options)  # now the prompt is in the cache, and rounds alike
    [choice] = ask(client, "Light in the kitchen, please.", **options).choices
    told = choice.logprobs.content
    chunks = [chunk.choices[0] for chunk in ask(client, "Light in the kitchen, please.", stream=True, **options)]
    streamed = [token for chunk in chunks if chunk.logprobs for token in chunk.logprobs.content]
    assert [token.bytes for token in streamed] == [token.bytes for token in told]
    said = bytes(byte for token in told for byte in token.bytes).decode()
    assert json.loads(choice.message.tool_calls[0].function.arguments)["room"] in said
    assert any(token.logprob == 0 for token in told), "much of a call is forced"
    assert all(token.logprob <= 0 and 1 <= len(token.top_logprobs) <= 2 for token in told)


@pytest.mark.parametrize(
    "grammar",
    ['root ::= (yes | no) ", " [a-z]{4} "."\nyes ::= "yes"\nno ::= "no"', 'start: ("yes" | "no") /, [a-z]{4}[.]/'],
)
def test_a_grammar_of_the_clients_own_holds(client: OpenAI, grammar: str) -> None:
    [choice] = ask(client, "Is the sky blue?", extra_body={"grammar": grammar}).choices
    assert re.fullmatch(r"(yes|no), [a-z]{4}\.", choice.message.content)
    assert choice.finish_reason == "stop"
    chunks = ask(client, "Is the sky blue?", stream=True, extra_body={"grammar": grammar})
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert re.fullmatch(r"(yes|no), [a-z]{4}\.", streamed)


def test_a_reply_that_ignores_its_end_goes_on(client: OpenAI) -> None:
    reply = ask(client, "Say yes.", max_tokens=40, extra_body={"ignore_eos": True})
    assert (reply.choices[0].finish_reason, reply.usage.completion_tokens) == ("length", 40)


def test_a_prediction_is_accepted_in_part_and_counted(client: OpenAI) -> None:
    ask(client, COUNT)
    plain = ask(client, COUNT)
    wrong = plain.choices[0].message.content.replace("7", "seven")
    reply = ask(client, COUNT, prediction={"type": "content", "content": wrong})
    assert reply.choices[0].message.content == plain.choices[0].message.content
    details = reply.usage.completion_tokens_details
    assert details.accepted_prediction_tokens > 10
    assert details.rejected_prediction_tokens > 0
    assert reply.usage.completion_tokens == plain.usage.completion_tokens
    assert plain.usage.completion_tokens_details.accepted_prediction_tokens == 0


def test_a_stop_text_inside_a_draft_ends_the_reply(client: OpenAI) -> None:
    ask(client, COUNT)
    text = ask(client, COUNT).choices[0].message.content
    options: Any = {"prediction": {"type": "content", "content": text}, "stop": "9"}
    [choice] = ask(client, COUNT, **options).choices
    assert choice.message.content == text[: text.index("9")]
    assert choice.finish_reason == "stop"
