"""Models that are kept, changed and deleted over HTTP, with every part real but the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import talker
from managed import Local, wrong
from openai import NotFoundError, OpenAI

from cortex.models.store import Store
from cortex.server.wire.known import UNKNOWN
from models import tiny


def test_a_file_is_imported_described_changed_and_deleted(http: httpx.Client, store: Store, tmp_path: Path) -> None:
    file = tiny.write(tmp_path / "tiny.gguf")
    sent = {"model": "m:1", "modelPath": str(file), "option": "symlink", "name": "Em"}
    assert http.post("/v1/models/import", json=sent).json() == {
        "result": "OK",
        "modelHandle": "m:1",
        "message": "Model is imported successfully!",
        "warning": f"name: {UNKNOWN}",
        "cortex": {"warnings": [f"name: {UNKNOWN}"]},
    }
    facts = http.get("/v1/models/m:1").json()
    assert (facts["id"], facts["object"], facts["status"], facts["architecture"]) == (
        *("m:1", "model", "downloaded", "llama"),
    )
    assert facts["recommendation"]["cpu_mode"]["ram"] > 100  # MiB
    changed = http.patch("/v1/models/m:1", json={"ctx_len": 512, "temperature": 0.5, "cache_type": "q8_0"})
    assert changed.json()["modelHandle"] == "m:1"
    assert store.get("m:1").settings == {"ctx_len": 512, "temperature": 0.5, "cache_type": "q8_0"}
    deleted = http.delete("/v1/models/m:1")
    assert deleted.json() == {"id": "m:1", "object": "model", "deleted": True, "message": "Deleted successfully!"}
    assert (file.exists(), store.has("m:1")) == (True, False)


def test_a_copied_file_is_deleted_with_its_model(http: httpx.Client, store: Store, tmp_path: Path) -> None:
    file = tiny.write(tmp_path / "tiny.gguf")
    http.post("/v1/models/import", json={"model": "m", "modelPath": str(file), "option": "copy"}).raise_for_status()
    copy = store.get("m").path
    assert copy.is_relative_to(store.folder)
    http.delete("/v1/models/m").raise_for_status()
    assert (copy.exists(), file.exists()) == (False, True)


@pytest.mark.parametrize(
    ("path", "sent", "param"),
    [
        ("/v1/models/import", {"model": "m"}, "modelPath"),
        ("/v1/models/import", {"model": "m", "modelPath": "relative.gguf"}, "modelPath"),
        ("/v1/models/import", {"model": "m", "modelPath": "/nowhere.gguf"}, "modelPath"),
        ("/v1/models/import", {"model": "m", "modelPath": "/nowhere.gguf", "option": "move"}, "option"),
        ("/v1/models/start", {"model": "known", "cache_type": "q2"}, "cache_type"),
        ("/v1/models/start", {"model": "known", "n_parallel": 0}, "n_parallel"),
        ("/v1/models/start", {"model": "known", "keep_alive": "soon"}, "keep_alive"),
        ("/v1/models/start", {"model": "known", "flash_attn": "yes"}, "flash_attn"),
        ("/v1/models/start", {"model": "unknown", "model_path": 5}, "model_path"),
    ],
)
def test_what_is_wrong_is_named(http: httpx.Client, store: Store, path: str, sent: Any, param: str | None) -> None:
    talker.add(store, "known")
    reply = http.post(path, json=sent)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


def test_openais_client_lists_gets_and_deletes(local: Local, store: Store) -> None:
    talker.add(store, "m", replies=["a"])
    with OpenAI(base_url=f"{local.url}/v1", api_key="x", max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["m"]
        assert client.models.retrieve("m").owned_by == "cortex"
        deleted = client.models.delete("m")
        assert (deleted.id, deleted.object, deleted.deleted) == ("m", "model", True)
        with pytest.raises(NotFoundError):
            client.models.retrieve("m")


def test_a_model_that_runs_is_stopped_before_it_is_deleted(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["a"])
    http.post("/v1/models/start", json={"model": "m"}).raise_for_status()
    http.delete("/v1/models/m").raise_for_status()
    assert http.get("/inferences/server/models").json()["data"] == []


def test_only_a_whole_id_is_deleted_or_changed(http: httpx.Client, store: Store) -> None:
    talker.add(store, "long-name", replies=["a"])
    for reply in (http.delete("/v1/models/long"), http.patch("/v1/models/long", json={"top_k": 1})):
        assert wrong(reply)[:2] == (404, "model_not_found")
        assert "did you mean long-name" in reply.text
    assert store.has("long-name")


def test_a_model_whose_file_is_gone_is_still_described_and_deleted(http: httpx.Client, tmp_path: Path) -> None:
    file = tiny.write(tmp_path / "tiny.gguf")
    http.post("/v1/models/import", json={"model": "m", "modelPath": str(file)}).raise_for_status()
    file.unlink()
    assert "no file" in http.get("/v1/models/m").json()["notes"][0]
    assert http.delete("/v1/models/m").status_code == 200
