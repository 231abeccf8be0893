"""The guide's calls against real weights, through the real client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from played import serving

from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService

MODEL = "llama3.1:8b-gguf-q4-km"
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_delivery_date",
        "strict": True,
        "description": "Get the delivery date for a customer's order.",
        "parameters": {
            "type": "object",
            "properties": {"order_id": {"type": "string", "description": "The customer's order ID."}},
            "required": ["order_id"],
            "additionalProperties": False,
        },
    },
}
SYSTEM: Any = {"role": "system", "content": "You are a helpful customer support assistant. Use the supplied tools."}
ASK: Any = [SYSTEM, {"role": "user", "content": "When is order_70705 delivered?"}]

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def client(qwen_coder_05: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    store = Store(tmp_path_factory.mktemp("data"))
    importing.add(store, MODEL, qwen_coder_05)
    with serving(LocalService(store)) as local, OpenAI(base_url=f"{local.url}/v1", api_key="x") as client:
        yield client


@pytest.mark.parametrize(
    "choice", ["auto", "required", {"type": "function", "function": {"name": "get_delivery_date"}}]
)
def test_a_call_streamed_is_the_call_whole(client: OpenAI, choice: Any) -> None:
    asked: Any = {"model": MODEL, "messages": ASK, "tools": [TOOL], "tool_choice": choice, "temperature": 0}
    whole = client.chat.completions.create(**asked).choices[0]
    with client.chat.completions.stream(**asked) as stream:
        for _ in stream:
            pass
        streamed = stream.get_final_completion().choices[0]
    for choice in (whole, streamed):
        assert choice.finish_reason == "tool_calls"
        (call,) = choice.message.tool_calls
        assert call.function.name == "get_delivery_date"
        assert json.loads(call.function.arguments) == {"order_id": "order_70705"}


def test_none_answers_a_history_with_the_guides_broken_arguments_without_a_call(client: OpenAI) -> None:
    history: Any = [
        *ASK,
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "call_62136354",
                    "type": "function",
                    "function": {"arguments": "{'order_id': 'order_70705'}", "name": "get_delivery_date"},
                }
            ],
        },
        {"role": "tool", "content": '{"delivery_date": "2025-02-03"}', "tool_call_id": "call_62136354"},
    ]
    reply = client.chat.completions.create(
        model=MODEL, messages=history, tools=[TOOL], tool_choice="none", temperature=0
    )
    assert reply.choices[0].finish_reason == "stop"
    assert reply.choices[0].message.tool_calls is None
    assert reply.choices[0].message.content  # what it says is the model's own: half a billion weights say odd things


def test_the_second_request_finds_the_prompt_in_the_cache(client: OpenAI) -> None:
    asked: Any = {"model": MODEL, "messages": ASK, "max_tokens": 1, "temperature": 0}
    client.chat.completions.create(**asked)
    usage = client.chat.completions.create(**asked).usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert (usage.prompt_tokens_details.cached_tokens or 0) > usage.prompt_tokens // 2
