"""What `cortex doctor` finds: each trouble once, with what to do about it."""

from __future__ import annotations

import json
import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from cli.conftest import Cortex
from cli.desk import Desk
from cortex import __version__
from cortex.cli.checks import machine
from cortex.config import persist, read
from cortex.engines.llama import machine as hardware
from models import tiny

Usage = namedtuple("Usage", "total used free")


def _finding(cortex: Cortex, about: str, *words: str) -> dict[str, str]:
    done = cortex("doctor", "--json", *words)
    assert done.out, done.err
    (found,) = (each for each in json.loads(done.out) if each["about"] == about)
    return dict(found)


@pytest.fixture(autouse=True)
def engine_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at the engine takes a second; one test does."""
    monkeypatch.setattr(machine, "engine", lambda: machine.Finding("Engine", "ok", "as usual"))


def test_nothing_is_wrong_with_a_new_machine(cortex: Cortex, home: Path) -> None:
    done = cortex("doctor")
    assert (done.code, done.out.splitlines()[-1]) == (0, "Nothing is wrong.")
    assert not (home / "data").exists()  # it only looks


def test_a_broken_configuration(cortex: Cortex, home: Path) -> None:
    (home / "rc").write_text("apiServerPort: many")
    done = cortex("doctor")
    assert done.code == 1
    assert "bad   Configuration: apiServerPort must be a port number" in done.out


def test_a_data_folder_that_is_none(cortex: Cortex, home: Path) -> None:
    (home / "data").write_text("")
    assert _finding(cortex, "Data folder")["says"] == f"{home / 'data'} is not a folder"


def test_a_data_folder_of_somebody_else(cortex: Cortex, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "data" / "models").mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "models")
    found = _finding(cortex, "Data folder")
    assert found["state"] == "bad"
    assert "models cannot be read and written by you; it belongs to" in found["says"]
    assert "chown" in found["todo"]
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name == "rc")
    assert "data cannot be written by you" in _finding(cortex, "Data folder")["says"]


def test_a_database_of_a_newer_cortex(cortex: Cortex, home: Path) -> None:
    import sqlite3

    (home / "data").mkdir()
    with sqlite3.connect(home / "data" / "cortex.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    found = _finding(cortex, "Database")
    assert found["state"] == "bad"
    assert "a newer cortex wrote" in found["says"]


def test_a_full_disk(cortex: Cortex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(100, 99, 1))
    found = _finding(cortex, "Disk")
    assert (found["state"], found["says"]) == ("warn", "1.00 B free where the models are kept")


def test_little_memory(cortex: Cortex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "available_memory", lambda: 1024)
    assert _finding(cortex, "Memory")["state"] == "warn"
    monkeypatch.setattr(hardware, "available_memory", lambda: None)
    assert "Memory" not in cortex("doctor").out


def test_downloads_that_were_not_ended(cortex: Cortex, home: Path) -> None:
    part = home / "data" / "models" / ".partial" / "m" / "part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(2048))
    found = _finding(cortex, "Downloads")
    assert found["says"] == "2.00 KB of downloads that were not ended"
    assert str(part.parent.parent) in found["todo"]


def test_a_port_that_another_program_has(cortex: Cortex, home: Path, desk: Desk) -> None:
    desk.health = "hello"
    found = _finding(cortex, "Server")
    port = read(home / "rc")["apiServerPort"]
    assert found["state"] == "bad"
    assert f"port {port} on 127.0.0.1 is taken by" in found["says"]
    if Path("/proc/net/tcp").exists():
        assert f"(process {os.getpid()})" in found["says"]
    assert f"cortex start --port {port + 1}" in found["todo"]


def test_an_address_that_is_not_ours(cortex: Cortex, home: Path) -> None:
    persist(home / "rc", {"apiServerHost": "::1%nowhere"})
    assert "nobody can listen at" in _finding(cortex, "Server")["says"]


def test_a_server_of_another_version(cortex: Cortex, desk: Desk) -> None:
    desk.answers["GET /openapi.json"] = (200, {"info": {"version": "1.0.14"}})
    found = _finding(cortex, "Server")
    assert found["state"] == "bad"
    assert f"is Cortex 1.0.14, and this is {__version__}" in found["says"]
    desk.answers["GET /openapi.json"] = (200, {"info": {"version": __version__}})
    assert _finding(cortex, "Server")["state"] == "ok"


def test_a_server_that_everybody_may_use(cortex: Cortex, home: Path) -> None:
    persist(home / "rc", {"apiServerHost": "0.0.0.0"})
    assert _finding(cortex, "API keys")["state"] == "warn"
    persist(home / "rc", {"apiKeys": ["secret"]})
    assert "API keys" not in cortex("doctor").out


def test_a_model_whose_file_is_gone_broken_or_too_large(
    cortex: Cortex, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tiny.write(home / "f.gguf", **{"tokenizer.chat_template": "{% if tools %}{{ tools }}{% endif %}"})
    cortex("models", "import", "--model_id", "m:1b", "--model_path", str(file))
    assert _finding(cortex, "Model m:1b", "m")["state"] == "ok"
    monkeypatch.setattr(hardware, "available_memory", lambda: 100)
    assert "and 100.00 B are free" in _finding(cortex, "Model m:1b")["says"]
    monkeypatch.undo()
    file.write_bytes(file.read_bytes()[:-1])
    assert "cut off" in _finding(cortex, "Model m:1b")["says"]
    file.unlink()
    found = _finding(cortex, "Model m:1b")
    assert "is gone" in found["says"]
    assert "cortex models delete m:1b" in found["todo"]


def test_a_model_that_is_loaded_needs_no_more_memory(
    cortex: Cortex, home: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    knows = {"tokenizer.chat_template": "{% if tools %}{{ tools }}{% endif %}"}
    for id in ("m:1b", "n:1b"):
        file = tiny.write(home / f"{id}.gguf", **knows)
        cortex("models", "import", "--model_id", id, "--model_path", str(file))
    desk.answers["GET /inferences/server/models"] = (200, {"data": [{"id": "m:1b", "ram": 5000}]})
    monkeypatch.setattr(hardware, "available_memory", lambda: 100)
    loaded = _finding(cortex, "Model m:1b")
    assert (loaded["state"], loaded["says"].split(",")[0]) == ("ok", "is loaded")
    assert "and 100.00 B are free" in _finding(cortex, "Model n:1b")["says"]
    desk.answers["GET /inferences/server/models"] = (401, {"message": "no"})
    assert "and 100.00 B are free" in _finding(cortex, "Model m:1b")["says"]


@pytest.mark.parametrize(
    "facts",
    [{"general.architecture": "nomic-bert"}, {"llama.pooling_type": 3}, {"general.architecture": "gemma-embedding"}],
)
def test_a_model_that_makes_embeddings_needs_no_template(cortex: Cortex, home: Path, facts: dict[str, object]) -> None:
    file = tiny.write(home / "f.gguf", **{"tokenizer.chat_template": None}, **facts)
    cortex("models", "import", "--model_id", "m:1b", "--model_path", str(file))
    found = _finding(cortex, "Model m:1b")
    assert (found["state"], found["todo"]) == ("ok", "")
    assert found["says"].endswith("makes embeddings, and no replies")
    assert json.loads(cortex("models", "get", "m:1b").out)["tools"]["work"] is False


def test_a_model_whose_template_knows_no_tools(cortex: Cortex, home: Path) -> None:
    file = tiny.write(home / "f.gguf")
    cortex("models", "import", "--model_id", "m:1b", "--model_path", str(file))
    found = _finding(cortex, "Model m:1b")
    assert found["state"] == "warn"
    assert "its template knows no tools" in found["says"]


def test_a_wheel_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.delenv("CORTEX_LLAMA_LIBRARY", raising=False)
    monkeypatch.setattr(machine, "version", lambda package: "2020.1.1")
    found = machine.engine()
    assert found.state == "bad"
    assert "xllamacpp 2020.1.1 is installed" in found.says
    assert "-m pip install xllamacpp==" in found.todo


def test_a_library_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("CORTEX_LLAMA_LIBRARY", str(tmp_path / "libllama.so"))
    found = machine.engine()
    assert found.state == "bad"
    assert found.says.startswith("llama.cpp cannot be loaded: ")
    assert found.todo == "unset CORTEX_LLAMA_LIBRARY"
