"""A server that was started anew finds the beginnings of prompts that it has seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from played import serving

from cortex import config
from cortex.config import Config, Flags
from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": f"tool_{number}",
            "description": f"What tool {number} does, and when it is to be called.",
            "parameters": {"type": "object", "properties": {"id": {"type": "string"}, "count": {"type": "integer"}}},
        },
    }
    for number in range(6)
]

pytestmark = pytest.mark.model


def cached(model: Path, wanted: Config, question: str) -> int:
    """How much of the prompt a server finds that was started just now."""
    store = Store(wanted.data_folder)
    if not store.list():
        importing.add(store, "smol", model)
    with serving(LocalService(store, config=wanted)) as local, OpenAI(base_url=f"{local.url}/v1", api_key="x") as ask:
        asked: Any = [{"role": "user", "content": question}]
        reply = ask.chat.completions.create(model="smol", messages=asked, tools=TOOLS, max_tokens=2)
    assert reply.usage
    assert reply.usage.prompt_tokens_details
    return reply.usage.prompt_tokens_details.cached_tokens or 0


def test_the_first_call_after_a_restart_finds_the_tools(smollm2: Path, tmp_path: Path) -> None:
    wanted = config.load(Flags(data_folder=tmp_path), environment={})
    assert cached(smollm2, wanted, "What is the first tool?") == 0
    assert cached(smollm2, wanted, "And what is the last?") > 250
    assert (tmp_path / "cache" / "prefixes").is_dir()


def test_where_it_is_off_nothing_is_kept(smollm2: Path, tmp_path: Path) -> None:
    wanted = replace(config.load(Flags(data_folder=tmp_path), environment={}), prefix_cache=0)
    assert [cached(smollm2, wanted, "What is the first tool?") for _ in range(2)] == [0, 0]
    assert not (tmp_path / "cache" / "prefixes").exists()
