"""Against real weights, over HTTP: the next turn of an agent finds all that the model was told and said."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from played import serving
from test_server_model import ASK, TOOL

from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService

MODEL = "agent:1b"
RESULT = '{"delivery_date": "2025-02-03", "carrier": "by bicycle"}'

pytestmark = pytest.mark.model


@pytest.fixture(scope="module", params=["smollm2", "qwen_coder_05", "qwen_coder_15"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    weights: Path = request.getfixturevalue(request.param)
    store = Store(tmp_path_factory.mktemp("data"))
    importing.add(store, MODEL, weights)
    with serving(LocalService(store)) as local, OpenAI(base_url=f"{local.url}/v1", api_key="x") as client:
        yield client


@pytest.mark.parametrize("kind", ["call", "four calls", "words", "cut off"])
def test_the_next_turn_finds_the_prompt_and_the_reply(client: OpenAI, kind: str) -> None:
    """A turn that comes before the end of the reply has gone through the model computes it itself. So that this does
    not hang on how fast the machine is just now, it may take a few chats with longer pauses."""
    chats = (turns(client, kind, pause=0.3 * attempt**2, name=f"{kind} {attempt}") for attempt in range(5))
    assert any(cached >= known for known, cached in chats)


def turns(client: OpenAI, kind: str, *, pause: float, name: str) -> tuple[int, int]:
    """The tokens of a chat's first turn, prompt and reply, and how many of them the second one found."""
    asked: list[Any] = [*ASK[:1], {"role": "user", "content": f"I am {name}. When is order_70705 delivered?"}]
    choice = "none" if kind in ("words", "cut off") else "required"
    settings: Any = {"model": MODEL, "tools": [TOOL], "temperature": 0, "tool_choice": choice}
    limits: Any = {"max_tokens": 9 if kind == "cut off" else 60, "n": 4 if kind == "four calls" else 1}
    first = client.chat.completions.create(messages=asked, **settings, **limits)
    said: Any = first.choices[0].message.model_dump(exclude_none=True)
    result = [{"role": "tool", "content": RESULT, "tool_call_id": call["id"]} for call in said.get("tool_calls", ())]
    time.sleep(pause)
    history = [*asked, said, *(result or [{"role": "user", "content": "And who brings it?"}])]
    second = client.chat.completions.create(messages=history, **settings, max_tokens=40)
    assert first.usage
    assert second.usage
    assert second.usage.prompt_tokens_details
    completion = first.usage.completion_tokens // len(first.choices)
    return first.usage.prompt_tokens + completion, second.usage.prompt_tokens_details.cached_tokens or 0
