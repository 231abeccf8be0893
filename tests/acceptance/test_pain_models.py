"""Pain points 1, 2, 25 and 27 on real weights: what no script can show (docs/pain-points.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from acting import takes, tool
from openai import OpenAI
from played import Serving, serving, wait_until

from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService

pytestmark = pytest.mark.model

SMALL, CODER = "smollm2:135m", "qwen2.5-coder:0.5b"
LIGHT = tool("set_light", takes(room={"enum": ["kitchen", "bedroom"]}), description="Switch a light on")
LAMP = tool("set_lamp", takes(room={"enum": ["kitchen", "bedroom"]}), description="Switch a lamp on")
WANTS_LIGHT: Any = [{"role": "user", "content": "Switch the light in the kitchen on. Call set_light!"}]
STORY: Any = [{"role": "user", "content": "Tell me a story. " * 300}]


@dataclass(frozen=True)
class House:
    serving: Serving[LocalService]
    client: OpenAI

    def ask(self, model: str, **asked: Any) -> Any:
        given = {"messages": WANTS_LIGHT, "max_tokens": 60, "temperature": 0, **asked}
        return self.client.chat.completions.create(model=model, **given)

    def at_work(self, model: str) -> int:
        """How many jobs the model's process has."""
        rows = self.serving.service._pool.loaded()
        return sum(len(row.runner.tickets) for row in rows if row.name == model)


@pytest.fixture(scope="module")
def house(smollm2: Path, qwen_coder_05: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    store = Store(tmp_path_factory.mktemp("data"))
    importing.add(store, SMALL, smollm2)
    importing.add(store, CODER, qwen_coder_05)
    with serving(LocalService(store)) as running, OpenAI(base_url=f"{running.url}/v1", api_key="x") as client:
        yield House(running, client.with_options(max_retries=0))


def test_the_tool_that_is_named_is_called_a_hundred_times_out_of_a_hundred(house: House) -> None:
    """1, ggml-org/llama.cpp#26535: the prompt begs for the other tool, and every reply is drawn anew."""
    named = {"type": "function", "function": {"name": "set_lamp"}}
    for seed in range(100):
        reply = house.ask(SMALL, tools=[LIGHT, LAMP], tool_choice=named, temperature=1.5, seed=seed)
        (call,) = reply.choices[0].message.tool_calls
        assert call.function.name == "set_lamp"
        assert json.loads(call.function.arguments)["room"] in ("kitchen", "bedroom")


def test_no_call_comes_however_the_prompt_begs_and_one_comes_however_it_does_not(house: House) -> None:
    """2, ollama/ollama#17921, #8421."""
    greeting: Any = [{"role": "user", "content": "Say hello, and nothing else."}]
    for seed in range(3):
        drawn = {"tools": [LIGHT, LAMP], "temperature": 1.0, "seed": seed, "parallel_tool_calls": False}
        assert house.ask(CODER, **drawn, tool_choice="none", max_tokens=20).choices[0].message.tool_calls is None
        forced = house.ask(CODER, **drawn, messages=greeting, tool_choice="required").choices[0]
        assert (len(forced.message.tool_calls), forced.finish_reason) == (1, "tool_calls")


def test_the_next_turn_decodes_only_what_is_new(house: House) -> None:
    """25, ggml-org/llama.cpp#21903, #22746: the whole prompt again in each turn. Here all of it and of the reply is
    in the cache, but for a few tokens."""
    history = list(WANTS_LIGHT)
    asked: Any = {"tools": [LIGHT, LAMP], "tool_choice": "required", "parallel_tool_calls": False}
    before = house.ask(CODER, messages=history, **asked)
    for turn in range(3):
        message = before.choices[0].message
        history += [
            message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": f'{{"done": {turn}}}'},
            {"role": "user", "content": "Once more, please."},
        ]
        after = house.ask(CODER, messages=history, **asked)
        known = before.usage.prompt_tokens + before.usage.completion_tokens
        assert after.usage.prompt_tokens_details.cached_tokens >= known - 8
        before = after


def test_a_client_that_leaves_while_its_prompt_is_read_frees_its_place(house: House) -> None:
    """27, ggml-org/llama.cpp#13262: in the middle of a long prompt."""
    stream = house.ask(SMALL, messages=STORY, max_tokens=400, stream=True)
    next(iter(stream))  # the role: it comes when the prompt is admitted, before it is read
    assert house.at_work(SMALL) == 1
    stream.close()
    wait_until(lambda: house.at_work(SMALL) == 0)
    assert house.ask(SMALL, max_tokens=5).choices[0].message.content
