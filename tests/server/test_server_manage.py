"""The management routes with every part real but the weights: models that are kept, settings, the machine."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import talker
from openai import NotFoundError, OpenAI
from played import Serving, serving, wait_until

from cortex import config
from cortex.models import importing
from cortex.models.store import Model, Store
from cortex.server import hardware
from cortex.server.configuration import Configuration
from cortex.server.local import LocalService
from cortex.server.site import Options
from models import tiny

HI: Any = [{"role": "user", "content": "Hi"}]
Local = Serving[LocalService]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


@pytest.fixture
def local(store: Store) -> Iterator[Local]:
    with serving(LocalService(store, open_model=talker.opened)) as running:
        yield running


@pytest.fixture
def http(local: Local) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=local.url, timeout=60) as http:
        yield http


def wrong(reply: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of an error, which is there in both forms."""
    body = reply.json()
    assert body["message"] == body["error"]["message"]
    return reply.status_code, body["error"]["code"], body["message"]


# -- models ------------------------------------------------------------------------------------------------------------


def test_a_file_is_imported_described_changed_and_deleted(http: httpx.Client, store: Store, tmp_path: Path) -> None:
    file = tiny.write(tmp_path / "tiny.gguf")
    reply = http.post("/v1/models/import", json={"model": "m:1", "modelPath": str(file), "option": "symlink"})
    assert reply.json() == {"result": "OK", "modelHandle": "m:1", "message": "Model is imported successfully!"}
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
        ("/v1/models/import", {"model": "m", "modelPath": "/nowhere.gguf"}, None),
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


# -- loading -----------------------------------------------------------------------------------------------------------


def ask(http: httpx.Client, model: str) -> httpx.Response:
    return http.post("/v1/chat/completions", json={"model": model, "messages": HI})


def running(http: httpx.Client) -> list[str]:
    return [row["id"] for row in http.get("/inferences/server/models").json()["data"]]


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


def need(store: Store, id: str, size: int) -> None:
    """A model that needs this much memory, and a little more."""
    model = talker.add(store, id, replies=["a"], repeat=True)
    store.add(Model(id, model.path, size, "test", settings=dict(model.settings) | {"ctx_len": 64}))


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


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".cortexrc"


@pytest.fixture
def configured(store: Store, file: Path) -> Iterator[httpx.Client]:
    file.write_text("future: kept\nhuggingFaceToken: hf_0123456789abcdef\n")
    current = config.load(config.Flags(file=file), environment={})
    service = LocalService(store, open_model=talker.opened, config=current)
    configuration = Configuration(current, lambda changes: config.persist(file, changes))
    with serving(service, configuration=configuration) as local, httpx.Client(base_url=local.url, timeout=60) as http:
        yield http


def test_settings_are_shown_without_their_secrets(configured: httpx.Client) -> None:
    shown = configured.get("/v1/configs").json()
    assert (shown["cors"], shown["memory_budget"], shown["keep_alive"]) == (True, "75%", "30m")
    assert shown["huggingface_token"] == "hf_...ef"
    assert shown["ctx_len"] == "auto"


def test_a_changed_setting_holds_at_once_and_is_kept(configured: httpx.Client, file: Path) -> None:
    reply = configured.patch("/v1/configs", json={"api_keys": ["sk-one"], "keep_alive": 60, "cors": "off"})
    assert reply.json() == {
        "message": "Configuration updated successfully",
        "config": {"api_keys": ["..."], "keep_alive": "1m", "cors": False},
    }
    assert configured.get("/v1/models").status_code == 401
    configured.headers["authorization"] = "Bearer sk-one"
    assert configured.get("/v1/models").status_code == 200
    kept = config.read(file)
    assert kept | {"huggingFaceToken": ""} == {
        "future": "kept", "huggingFaceToken": "", "apiKeys": ["sk-one"], "keepAlive": "1m", "enableCors": False,
    }  # fmt: skip
    assert config.load(config.Flags(file=file), environment={}).keep_alive == 60.0


def test_what_was_shown_may_be_sent_back_and_null_takes_a_setting_back(configured: httpx.Client, file: Path) -> None:
    shown = configured.get("/v1/configs").json()
    changes = {name: shown[name] for name in ("huggingface_token", "memory_budget", "allowed_origins", "ctx_len")}
    configured.patch("/v1/configs", json=changes | {"ctx_len": 512}).raise_for_status()
    assert config.read(file)["huggingFaceToken"] == "hf_0123456789abcdef"
    assert configured.patch("/v1/configs", json={"ctx_len": None}).json()["config"] == {"ctx_len": "auto"}
    assert config.load(config.Flags(file=file), environment={}).ctx_len is None


def test_origins_and_the_budget_change_without_a_restart(configured: httpx.Client, store: Store) -> None:
    page = {"origin": "http://page"}
    assert configured.get("/v1/models", headers=page).status_code == 403
    configured.patch("/v1/configs", json={"allowed_origins": ["http://page"]}).raise_for_status()
    assert configured.get("/v1/models", headers=page).headers["access-control-allow-origin"] == "http://page"
    need(store, "m", 10**9)
    configured.patch("/v1/configs", json={"memory_budget": "1 GiB"}).raise_for_status()
    assert wrong(ask(configured, "m"))[1] == "insufficient_memory"
    configured.patch("/v1/configs", json={"memory_budget": "3GiB"}).raise_for_status()
    assert ask(configured, "m").status_code == 200
    configured.patch("/v1/configs", json={"keep_alive": 0}).raise_for_status()
    wait_until(lambda: not running(configured))


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({}, None),
        ({"colour": 1}, "colour"),
        ({"port": 5}, "port"),
        ({"cors": "perhaps"}, "cors"),
        ({"api_keys": "secret-key"}, "api_keys"),
        ({"memory_budget": "a lot"}, "memory_budget"),
        ({"keep_alive": "30 fortnights"}, "keep_alive"),
        ({"proxy_url": "proxy:8080"}, "proxy_url"),
        ({"n_parallel": 0}, "n_parallel"),
        ({"cache_type": "q5_0"}, "cache_type"),
        ({"keep_alive": "5m", "ngl": -2}, "ngl"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_changed(
    configured: httpx.Client, file: Path, changes: Any, param: str | None
) -> None:
    before = file.read_text()
    reply = configured.patch("/v1/configs", json=changes)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert "secret-key" not in reply.text
    assert file.read_text() == before


# -- the engine and the machine ----------------------------------------------------------------------------------------


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


def test_the_table_of_nvidia_smi_is_read() -> None:
    table = "0, NVIDIA H100 80GB HBM3, GPU-5c3, 81559, 81073, 550.90.07, 9.0\n1, Other, GPU-77a, 100, 50, 550, 8.9\n"
    first, second = hardware.parsed(table, visible="1")
    assert first | {"additional_information": {}} == {
        "id": "0", "name": "NVIDIA H100 80GB HBM3", "version": "9.0", "total_vram": 81559, "free_vram": 81073,
        "uuid": "GPU-5c3", "activated": False, "vendor": "NVIDIA", "additional_information": {},
    }  # fmt: skip
    assert second["activated"]
    assert all(gpu["activated"] for gpu in hardware.parsed(table, visible=None))


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


# -- other paths -------------------------------------------------------------------------------------------------------


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


# -- web pages ---------------------------------------------------------------------------------------------------------

CHANGES = [
    ("POST", "/v1/models/pull", {"model": "smollm2:135m"}),
    ("POST", "/models/pull", {"model": "smollm2:135m"}),
    ("POST", "/v1/models/import", {"model": "x", "modelPath": "/etc/passwd"}),
    ("DELETE", "/v1/models/m", None),
    ("PATCH", "/v1/models/m", {"ctx_len": 5}),
    ("PATCH", "/v1/configs", {"api_keys": []}),
    ("POST", "/v1/models/sources", {"source": "a/b"}),
    ("DELETE", "/processManager/destroy", None),
]


@pytest.mark.parametrize(("method", "path", "sent"), CHANGES)
@pytest.mark.parametrize("origins", [("*",), (), None, ("http://other",)])
def test_no_page_changes_what_is_on_this_machine(store: Store, origins: Any, method: str, path: str, sent: Any) -> None:
    talker.add(store, "m", replies=["a"])
    with serving(LocalService(store, open_model=talker.opened), Options(origins=origins)) as local:
        for origin in ("http://evil.example", "null", "http://evil.example:80"):
            plain = {"origin": origin, "content-type": "text/plain"}  # a browser sends this without asking first
            reply = httpx.request(method, local.url + path, headers=plain, content=json.dumps(sent))
            assert wrong(reply)[:2] == (403, "origin_not_allowed")
        # The page's owner made its name point to this machine.
        rebound = {"origin": "http://evil.example", "host": "evil.example"}
        assert httpx.request(method, local.url + path, headers=rebound, json=sent).status_code == 403
    assert store.has("m")
    assert store.get("m").settings.keys() == {"engine"}


def test_a_page_that_is_named_and_the_server_s_own_may_change_it(store: Store) -> None:
    talker.add(store, "m", replies=["a"])
    with serving(LocalService(store, open_model=talker.opened), Options(origins=("http://page",))) as local:
        for origin in ("http://page", local.url):
            reply = httpx.patch(f"{local.url}/v1/models/m", json={"top_k": 3}, headers={"origin": origin})
            assert reply.status_code == 200


def test_any_page_may_ask_where_all_are_allowed(store: Store) -> None:
    talker.add(store, "m", replies=["a"], repeat=True)
    with serving(LocalService(store, open_model=talker.opened)) as local:
        page = {"origin": "http://page"}
        assert httpx.get(f"{local.url}/v1/models", headers=page).status_code == 200
        started = httpx.post(f"{local.url}/v1/models/start", json={"model": "m"}, headers=page, timeout=60)
        assert started.status_code == 200


def test_the_importing_function_is_the_one_of_the_command_line(
    store: Store, tmp_path: Path, http: httpx.Client
) -> None:
    """Both write the same row, so that a model imported by one is known to the other."""
    file = tiny.write(tmp_path / "tiny.gguf")
    http.post("/v1/models/import", json={"model": "a", "modelPath": str(file)}).raise_for_status()
    importing.add(store, "b", file)
    assert [row["id"] for row in http.get("/v1/models").json()["data"]] == ["a", "b"]
