"""Every command at a terminal and in a pipe, compared with what was recorded. CORTEX_RECORD=1 records anew."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cli.play import PLAY
from cli.stage import stage
from models import tiny
from models.hub import Hub, serving

RECORDED = Path(__file__).parent / "recorded"
WAYS = {"piped": None, "terminal": 80}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
REPLY = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
CASE = {
    "id": "hermes/ours/1",
    "family": "hermes",
    "kind": "tool_call",
    "model_output": REPLY,
    "tools": TOOLS,
    "expected": {
        "content": None,
        "reasoning_content": None,
        "tool_calls": [{"name": "get_weather", "arguments": {"city": "Paris"}}],
    },
    "params": {},
}
HUB = {
    "cortexso/tiny": {
        "main": {"metadata.yml": b"version: 1\nname: tiny\ndefault: 1b-gguf\n"},
        "1b-gguf": {"model.gguf": tiny.gguf()},
        "2b-gguf": {"model.gguf": tiny.gguf()},
    }
}


def home(folder: Path) -> Path:
    """A user's home with some files in it."""
    for name in ("polite", "caller", "endless", "spare"):
        tiny.write(folder / f"{name}.gguf")
    (folder / "broken.gguf").write_bytes(tiny.gguf()[:-1])
    (folder / "tools.json").write_text(json.dumps(TOOLS))
    (folder / "chat.json").write_text(json.dumps({"messages": [{"role": "user", "content": "Hello"}]}))
    (folder / "reply.txt").write_text(REPLY)
    (folder / "cases.jsonl").write_text(json.dumps(CASE) + "\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_every_command_shows_what_was_recorded(way: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # The path's length decides where lines break, so it is the same everywhere.
    with (
        TemporaryDirectory(dir="/tmp", prefix="cortex-") as folder,
        serving(Hub(HUB)) as hub,
        stage(home(Path(folder)), port, WAYS[way], {"HF_ENDPOINT": hub.url}) as performed,
    ):
        try:
            shown = "\n".join(performed.perform(step) for step in PLAY)
        finally:
            performed.perform(PLAY[-1])
    file = RECORDED / f"{way}.txt"
    if os.environ.get("CORTEX_RECORD"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(shown, encoding="utf-8")
    assert shown.splitlines() == file.read_text(encoding="utf-8").splitlines()
