"""The engine and the machine, and the paths of the original that lead elsewhere."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

import httpx
import pytest
import talker
from managed import HI, running, wrong

from cortex.models.store import Store
from cortex.server import hardware

TABLE = "0, NVIDIA H100 80GB HBM3, GPU-5c3, 81559, 81073, 550.90.07, 9.0\n1, Other, GPU-77a, 100, 50, 550, 8.9\n"


def test_there_is_one_engine_which_is_built_in(http: httpx.Client) -> None:
    version = importlib.metadata.version("xllamacpp")
    (only,) = http.get("/v1/engines").json()["llama-cpp"]
    assert (only["engine"], only["version"], only["type"]) == ("llama-cpp", version, "local")
    assert http.get("/v1/engines/llama-cpp").json() == [only]
    assert http.get("/v1/engines/llama-cpp/releases/latest").json()[0]["version"] == version
    assert http.get("/v1/engines/llama-cpp/default").json() == only
    assert "built in" in http.post("/v1/engines/llama-cpp/install").json()["message"]
    assert http.post("/v1/engines/llama-cpp/install", json={"version": version}).status_code == 200
    assert wrong(http.post("/v1/engines/llama-cpp/install", json={"version": "v0.1"}))[:2] == (400, "engine_built_in")
    other = http.post("/v1/engines/llama-cpp/default", json={"version": version, "variant": "linux-amd64-cuda"})
    assert (wrong(other)[0], other.json()["error"]["param"]) == (400, "variant")
    assert wrong(http.delete("/v1/engines/llama-cpp/install"))[:2] == (400, "engine_built_in")
    assert wrong(http.get("/v1/engines/onnxruntime"))[:2] == (404, "engine_not_found")
    assert wrong(http.post("/v1/engines", json={"engine": "openai"}))[:2] == (404, "not_supported")
    assert http.post("/v1/engines/llama-cpp/load").json() == {"message": "Engine llama-cpp loaded successfully!"}


def test_unloading_the_engine_stops_the_models(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["a"])
    http.post("/v1/models/start", json={"model": "m"}).raise_for_status()
    assert http.delete("/v1/engines/llama-cpp/load").status_code == 200
    assert running(http) == []


def test_the_machine_is_described(http: httpx.Client) -> None:
    machine = http.get("/v1/hardware").json()
    assert machine["cpu"]["cores"] >= 1
    assert 0 <= machine["cpu"]["usage"] <= 100
    assert machine["ram"]["total"] >= machine["ram"]["available"] > 0
    assert machine["storage"]["total"] > 0


def test_a_gpu_that_is_not_there_cannot_be_chosen(http: httpx.Client) -> None:
    assert "no GPU 77" in wrong(http.post("/v1/hardware/activate", json={"gpus": [77]}))[2]


def test_the_gpus_that_were_chosen_are_shown_and_are_what_models_see(
    http: httpx.Client, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<END\n{TABLE}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")

    def activated() -> list[str]:
        return [gpu["id"] for gpu in http.get("/v1/hardware").json()["gpus"] if gpu["activated"]]

    talker.add(store, "m", replies=["a"], repeat=True)
    assert activated() == ["0"]
    http.post("/v1/models/start", json={"model": "m"}).raise_for_status()
    assert http.post("/v1/hardware/activate", json={"gpus": [1, 1]}).json()["activated_gpus"] == [1]
    assert (activated(), running(http), os.environ["CUDA_VISIBLE_DEVICES"]) == (["1"], [], "GPU-77a")
    assert wrong(http.post("/v1/hardware/activate", json={"gpus": [0, 2]}))[2].endswith("there are: 0, 1")
    assert activated() == ["1"]
    assert http.post("/v1/hardware/activate", json={"gpus": []}).status_code == 200
    assert (activated(), os.environ["CUDA_VISIBLE_DEVICES"]) == ([], "")


def test_the_table_of_nvidia_smi_is_read() -> None:
    first, second = hardware.parsed(TABLE, visible="1")
    assert first | {"additional_information": {}} == {
        "id": "0", "name": "NVIDIA H100 80GB HBM3", "version": "9.0", "total_vram": 81559, "free_vram": 81073,
        "uuid": "GPU-5c3", "activated": False, "vendor": "NVIDIA", "additional_information": {},
    }  # fmt: skip
    assert second["activated"]
    assert all(gpu["activated"] for gpu in hardware.parsed(TABLE, visible=None))
    assert [gpu["activated"] for gpu in hardware.parsed(TABLE, visible="GPU-5")] == [True, False]


def test_a_container_s_limit_is_the_memory_that_there_is(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal:       8000 kB\nMemAvailable:   4000 kB\n")
    assert hardware.memory(tmp_path) == hardware.Memory(8000 * 1024, 4000 * 1024)
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("2048000\n")
    (tmp_path / "sys/fs/cgroup/memory.current").write_text("1024000\n")
    (tmp_path / "sys/fs/cgroup/memory.stat").write_text("inactive_file 1000\nactive_file 24000\nslab 7\n")
    assert hardware.memory(tmp_path) == hardware.Memory(2048000, 1049000)
    assert hardware.memory(tmp_path / "nowhere") == hardware.Memory(None, None)


@pytest.mark.parametrize("path", ["/v1/threads", "/v1/threads/t/messages", "/v1/assistants", "/v1/files", "/threads"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_here_says_what_replaces_it(http: httpx.Client, method: str, path: str) -> None:
    status, code, message = wrong(http.request(method, path))
    assert (status, code) == (404, "not_supported")
    assert "/v1/chat/completions" in message


def test_remote_models_are_explained(http: httpx.Client) -> None:
    assert "/v1/models/import" in wrong(http.post("/v1/models/add", json={"model": "x"}))[2]
    assert wrong(http.get("/v1/models/remote/openai"))[1] == "not_supported"


def test_old_paths_lead_to_the_same(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["a"], repeat=True)
    assert [row["id"] for row in http.get("/models").json()["data"]] == ["m"]
    assert http.get("/models/m").json()["id"] == "m"
    assert http.post("/inferences/server/loadmodel", json={"model": "m"}).status_code == 200
    said = http.post("/inferences/server/chat_completion", json={"model": "m", "messages": HI})
    assert said.json()["choices"][0]["message"]["content"] == "a"
    assert http.post("/inferences/server/unloadmodel", json={"model": "m"}).status_code == 200
    assert http.get("/hardware").status_code == 200
