"""Several choices of one prompt, with Qwen2.5-Coder-1.5B: the prompt is computed once, and each choice is whole."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from cortex.core.events import Reply
from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService
from cortex.server.wire import chat
from cortex.server.wire.response import Head, completion

pytestmark = pytest.mark.model

COUNT = 4
SHIRT = {
    "type": "function",
    "function": {
        "name": "order_shirt",
        "description": "Order a T-shirt for the customer.",
        "parameters": {
            "type": "object",
            "properties": {
                "size": {"type": "string", "enum": ["s", "m", "l"]},
                "colour": {"type": "string"},
                "count": {"type": "integer"},
            },
            "required": ["size", "colour", "count"],
            "additionalProperties": False,
        },
    },
}
ASKED = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "You sell shirts. Use the supplied tools."},
        {"role": "user", "content": "Two shirts for me, please: medium. Pick a colour that you like."},
    ],
    "tools": [SHIRT],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "temperature": 1.0,
    "seed": 7,
}


async def answered(service: LocalService, count: int) -> list[Reply]:
    card = service.find("m")
    answer = await service.answer(card, chat.read(ASKED, card.defaults).chat, count)
    replies = [Reply() for _ in range(count)]
    async with aclosing(answer.choices) as choices:
        async for index, event in choices.events():
            replies[index].add(event)
    return replies


def test_four_choices_of_one_prompt_compute_it_once(qwen_coder_15: Path, tmp_path: Path) -> None:
    store = Store(tmp_path)
    importing.add(store, "m", qwen_coder_15)

    async def both() -> tuple[list[Reply], list[Reply]]:
        service = LocalService(store)
        try:
            return await answered(service, COUNT), await answered(service, COUNT)
        finally:
            await service.close()

    fresh, again = asyncio.run(both())
    prompt = fresh[0].usage.prompt
    assert {reply.usage.prompt for reply in (*fresh, *again)} == {prompt}
    assert fresh[0].usage.cached == 0, "the first choice computes it"
    shared = [reply.usage.cached for reply in (*fresh[1:], *again)]
    assert min(shared) > 0.9 * prompt, f"but for the last few of {prompt} tokens the others find it: {shared}"
    body: Any = completion(Head("chatcmpl-1", 0, "m", "fp"), *fresh)
    assert body["usage"] | {"completion_tokens_details": None, "total_tokens": None} == {
        "prompt_tokens": prompt,
        "completion_tokens": sum(reply.usage.completion for reply in fresh),
        "total_tokens": None,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": None,
    }
    called = [choice["message"]["tool_calls"] for choice in body["choices"]]
    assert [choice["finish_reason"] for choice in body["choices"]] == ["tool_calls"] * COUNT
    assert len({call["id"] for calls in called for call in calls}) == COUNT, "one call each, of an id of its own"
    for (call,) in called:
        arguments = json.loads(call["function"]["arguments"])
        assert (call["function"]["name"], arguments.keys()) == ("order_shirt", {"size", "colour", "count"})
        assert arguments["size"] in ("s", "m", "l")
        assert isinstance(arguments["count"], int)
