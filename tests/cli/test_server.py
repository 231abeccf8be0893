"""The real server as a process of its own: started in the background, found again, stopped. No model is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import Cortex
from cortex.cli.api import Api
from cortex.config import Flags, load
from models import tiny


@pytest.fixture
def api(home: Path, cortex: Cortex) -> Iterator[Api]:
    api = Api(load(Flags(home / "rc"), environment={}).url)
    yield api
    if api.alive():
        cortex("stop")


def test_a_server_is_started_found_again_and_stopped(cortex: Cortex, home: Path, api: Api) -> None:
    done = cortex("start")
    assert (done.code, done.out.splitlines()) == (
        0,
        ["Starting server ...", "Server started", f"API Documentation available at: {api.url}"],
    )
    assert api.alive()
    assert (home / "data" / "logs" / "cortex.log").exists()
    assert cortex("start").out == "The server has already started\n"
    assert cortex("ps").out == "No models loaded!\n"
    assert cortex("stop").out == "Server stopped!\n"
    assert not api.taken()


def test_run_starts_the_server_and_tells_why_a_model_does_not_load(cortex: Cortex, home: Path, api: Api) -> None:
    file = tiny.write(home / "tiny.gguf")
    cortex("models", "import", "--model_id", "tiny:1b", "--model_path", str(file))
    file.unlink()
    done = cortex("run", "-d", "tiny:1b")
    assert done.code == 1
    assert "Server started" in done.out
    assert f"is gone: {file}" in done.err.splitlines()[-1]
    assert api.alive()
