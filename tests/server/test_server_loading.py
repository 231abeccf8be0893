"""How models are loaded: by which name, with which settings, beside which others."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import talker
from managed import ask, need, running, wrong
from played import serving, wait_until

from cortex import config
from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService
from models import tiny


def test_a_request_loads_the_model_by_id_alias_or_the_beginning_of_its_id(http: httpx.Client, store: Store) -> None:
    talker.add(store, "llama:8b", replies=["a"], repeat=True)
    talker.add(store, "other", replies=["b"], repeat=True)
    store.alias("other", "gpt-4o")
    for name in ("llama", "gpt-4o", "other"):
        assert ask(http, name).status_code == 200
    assert running(http) == ["llama:8b", "other"]
    talker.add(store, "llama:70b", replies=["c"])
    assert wrong(ask(http, "llama"))[0] == 400


def test_a_start_wins_over_the_model_which_wins_over_the_configuration(store: Store) -> None:
    common = config.load(environment={"CORTEX_CTX_LEN": "1000", "CORTEX_N_PARALLEL": "3", "CORTEX_CONFIG": "/none"})
    service = LocalService(store, open_model=talker.opened, config=common)
    talker.add(store, "m", replies=["a"], repeat=True)
    with serving(service) as local, httpx.Client(base_url=local.url, timeout=60) as http:

        def context() -> int:
            ask(http, "m").raise_for_status()
            (row,) = http.get("/inferences/server/models").json()["data"]
            return int(row["ctx_len"])

        assert context() == 1000
        store.update("m", {"ctx_len": 2000})
        assert context() == 2000
        http.post("/v1/models/start", json={"model": "m", "ctx_len": 3000}).raise_for_status()
        assert context() == 3000
        http.post("/v1/models/stop", json={"model": "m"}).raise_for_status()
        assert context() == 2000


def test_a_file_may_be_named_when_a_model_is_started(http: httpx.Client, store: Store, tmp_path: Path) -> None:
    file = tiny.write(tmp_path / "tiny.gguf")
    reply = http.post("/v1/models/start", json={"model": "fresh", "model_path": str(file), "engine": "llama-cpp"})
    assert store.get("fresh").path == file
    assert reply.json()["error"]["code"] == "model_load_failed"  # it holds no weights
    other = http.post("/v1/models/start", json={"model": "fresh", "llama_model_path": str(tmp_path / "other.gguf")})
    assert (other.status_code, other.json()["error"]["param"]) == (400, "llama_model_path")
    page = {"origin": "http://page"}  # `*` lets it start models, and import none
    refused = http.post("/v1/models/start", json={"model": "new", "model_path": str(file)}, headers=page)
    assert wrong(refused)[0] == 403
    assert not store.has("new")


def test_models_share_a_memory_budget(store: Store) -> None:
    for name in "abc":
        need(store, name, 10**9)
    need(store, "huge", 10**10)
    common = config.load(environment={"CORTEX_MEMORY_BUDGET": "3GB", "CORTEX_CONFIG": "/none"})
    service = LocalService(store, open_model=talker.opened, config=common)
    with serving(service) as local, httpx.Client(base_url=local.url, timeout=60) as http:
        for name in "abac":
            ask(http, name).raise_for_status()
        assert running(http) == ["a", "c"]
        status, code, message = wrong(refused := ask(http, "huge"))
        assert (status, code, refused.headers["x-should-retry"]) == (503, "insufficient_memory", "false")
        assert "huge needs about 10.13 GB of memory and all models together may take 3.00 GB" in message
        assert running(http) == ["a", "c"]


def test_a_context_that_nobody_chose_is_as_large_as_the_budget_allows(store: Store, tmp_path: Path) -> None:
    """A cache of 1 MB a token, for two requests."""
    shape = {
        "llama.block_count": 125, "llama.embedding_length": 2048, "llama.attention.head_count": 16,
        "llama.attention.head_count_kv": 16, "llama.context_length": 100_000,
    }  # fmt: skip
    importing.add(store, "m", tiny.write(tmp_path / "m.gguf", **shape))

    def context(budget: str, **settings: int) -> int:
        store.update("m", {"ctx_len": None} | settings)
        common = config.load(environment={"CORTEX_MEMORY_BUDGET": budget, "CORTEX_CONFIG": "/none"})
        return LocalService(store, config=common)._opened("m").profile.context

    assert context("100GB") == 8192
    assert context("10GB") == 4096
    assert context("5GB") == 2048
    assert context("1GB") == 2048  # refused, with the numbers of the smallest
    assert context("5GB", ctx_len=8192) == 8192  # what somebody chose is not changed


def test_a_quantised_cache_needs_flash_attention(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["a"])
    reply = http.post("/v1/models/start", json={"model": "m", "cache_type": "q8_0", "flash_attn": False})
    assert wrong(reply)[0] == 400
    assert reply.json()["error"]["param"] == "flash_attn"
    store.update("m", {"cache_type": "q8_0", "flash_attn": False})
    assert wrong(ask(http, "m"))[:2] == (503, "model_load_failed")


def test_a_start_that_cannot_be_leaves_the_model_as_it_was(store: Store) -> None:
    talker.add(store, "m", replies=["a"], repeat=True)
    common = config.load(environment={"CORTEX_MEMORY_BUDGET": "1GB", "CORTEX_CONFIG": "/none"})
    service = LocalService(store, open_model=talker.opened, config=common)
    with serving(service) as local, httpx.Client(base_url=local.url, timeout=60) as http:
        http.post("/v1/models/start", json={"model": "m", "ctx_len": 512}).raise_for_status()
        pid = service._pool.loaded()[0].runner.pid
        reply = http.post("/v1/models/start", json={"model": "m", "ctx_len": 10**9})
        assert wrong(reply)[:2] == (503, "insufficient_memory")
        ask(http, "m").raise_for_status()
        (row,) = service._pool.loaded()
        assert (row.runner.pid, row.runner.context) == (pid, 512)


def left(http: httpx.Client, sent: dict[str, Any]) -> None:
    """A start whose client goes while the model loads."""
    body = json.dumps(sent).encode()
    head = f"POST /v1/models/start HTTP/1.1\r\nhost: {http.base_url.host}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection((http.base_url.host, http.base_url.port)) as line:
        line.sendall(head.encode() + body)
        wait_until(lambda: http.get(f"/v1/models/status/{sent['model']}").status_code == 202)


def context(http: httpx.Client) -> int:
    (row,) = http.get("/inferences/server/models").json()["data"]
    return int(row["ctx_len"])


def test_a_start_whose_client_left_holds_if_the_model_could_be_loaded_so(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["a"], repeat=True, load_delay=1)
    left(http, {"model": "m", "ctx_len": 512})
    ask(http, "m").raise_for_status()
    assert context(http) == 512


def test_a_start_whose_client_left_is_forgotten_if_it_fails(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["a"], repeat=True)
    http.post("/v1/models/start", json={"model": "m", "ctx_len": 2048}).raise_for_status()
    talker.add(store, "m", load_error="too little memory", load_delay=1)
    left(http, {"model": "m", "ctx_len": 512})
    wait_until(lambda: http.get("/v1/models/status/m").status_code == 400)
    talker.add(store, "m", replies=["a"], repeat=True)
    ask(http, "m").raise_for_status()
    assert context(http) == 2048


def test_a_start_that_another_takes_the_place_of_is_what_the_other_falls_back_on_no_more(
    http: httpx.Client, store: Store
) -> None:
    talker.add(store, "m", load_error="too little memory", load_delay=1)
    left(http, {"model": "m", "ctx_len": 512})
    assert http.post("/v1/models/start", json={"model": "m", "ctx_len": 1024}).status_code == 503
    talker.add(store, "m", replies=["a"], repeat=True)
    ask(http, "m").raise_for_status()
    assert context(http) == 8192, "as nobody had asked for anything"
