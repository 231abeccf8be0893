"""Every dialect on real weights, over HTTP: a model that was trained on none makes calls that are right in form.

SmolLM2 is small enough to try them all; what it says is of no matter here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openai import OpenAI
from played import serving

from cortex.dialects import names
from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService

pytestmark = pytest.mark.model

MODEL = "smollm2:135m"
SCHEMAS: dict[str, Any] = {
    "set_light": {
        "type": "object",
        "properties": {
            "room": {"enum": ["kitchen", "bed room"]},
            "on": {"type": "boolean"},
            "level": {"type": "integer", "minimum": 0, "maximum": 100},
            "note": {"type": "string", "maxLength": 12},
        },
        "required": ["room", "on"],
    },
    "now": {"type": "object", "properties": {}},
}
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "description": name.replace("_", " "), "parameters": schema}}
    for name, schema in SCHEMAS.items()
]
ASK: Any = [{"role": "user", "content": "Switch the light in the kitchen on."}]
NAMED: Any = {"type": "function", "function": {"name": "set_light"}}
ALLOWED: Any = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "now"}}]},
}


@pytest.fixture(scope="module")
def client(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    store = Store(tmp_path_factory.mktemp("data"))
    importing.add(store, MODEL, smollm2)
    with serving(LocalService(store)) as local, OpenAI(base_url=f"{local.url}/v1", api_key="x") as client:
        yield client


FEW = ["hermes", "fallback", "qwen3-coder", "harmony", "mistral-v11", "llama-pythonic"]
EVERY: list[tuple[Any, set[str] | None]] = [("required", {"set_light", "now"}), ("auto", None)]
MORE: list[tuple[Any, set[str] | None]] = [(NAMED, {"set_light"}), (ALLOWED, {"now"}), ("none", set())]


@pytest.mark.parametrize(
    ("dialect", "choice", "called"),
    [(name, *mode) for name in names() for mode in EVERY] + [(name, *mode) for name in FEW for mode in MORE],
)
def test_a_call_is_right_in_form_in_every_dialect(
    client: OpenAI, dialect: str, choice: Any, called: set[str] | None
) -> None:
    reply = client.chat.completions.create(
        model=MODEL,
        messages=ASK,
        tools=TOOLS,
        tool_choice=choice,
        parallel_tool_calls=False,
        max_tokens=600 if called else 24,
        temperature=1.0,
        seed=7,
        extra_body={"dialect": dialect},
    ).choices[0]
    made = reply.message.tool_calls or []
    if reply.finish_reason == "length" and called is None:
        return  # cut off in words, or within a call that words led to
    if called is not None:
        assert {call.function.name for call in made if call.type == "function"} <= called
        assert bool(made) is bool(called)
    assert (reply.finish_reason == "tool_calls") is bool(made)
    for call in made:
        assert call.type == "function"
        jsonschema.validate(json.loads(call.function.arguments), SCHEMAS[call.function.name])
