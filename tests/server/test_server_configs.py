"""Settings that are shown and changed while the server runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import talker
from managed import ask, need, running, wrong
from played import serving, wait_until

from cortex import config
from cortex.models.store import Store
from cortex.server.configuration import Configuration
from cortex.server.local import LocalService


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


def test_one_key_more_leaves_those_that_were_shown(configured: httpx.Client, file: Path) -> None:
    first, second = "sk-0123456789abcdef", "short"
    configured.patch("/v1/configs", json={"api_keys": [first, second]}).raise_for_status()
    configured.headers["authorization"] = f"Bearer {first}"
    shown = configured.get("/v1/configs").json()["api_keys"]
    configured.patch("/v1/configs", json={"api_keys": [*shown, "new"]}).raise_for_status()
    assert config.read(file)["apiKeys"] == [first, second, "new"]
    configured.patch("/v1/configs", json={"api_keys": [first, "..."]}).raise_for_status()
    assert config.read(file)["apiKeys"] == [first, second]
    reply = configured.patch("/v1/configs", json={"api_keys": ["...", "...", "..."]})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "api_keys")
    assert config.read(file)["apiKeys"] == [first, second]


def test_a_password_in_an_address_is_not_shown_and_stays(configured: httpx.Client, file: Path) -> None:
    address = "http://me:secret@proxy.example:3128"
    reply = configured.patch("/v1/configs", json={"proxy_url": address}).json()
    assert reply["config"]["proxy_url"] == "http://me:...@proxy.example:3128"
    shown = configured.get("/v1/configs").json()["proxy_url"]
    configured.patch("/v1/configs", json={"proxy_url": shown, "cors": True}).raise_for_status()
    assert config.read(file)["proxyUrl"] == address


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
        ({"api_keys": [""]}, "api_keys"),
        ({"api_keys": ["sk-one", "schlüssel"]}, "api_keys"),
        ({"api_keys": [" sk-one"]}, "api_keys"),
        ({"proxy_url": "proxy:8080"}, "proxy_url"),
        ({"proxy_url": "http://["}, "proxy_url"),
        ({"request_timeout": 0}, "request_timeout"),
        ({"request_timeout": -5}, "request_timeout"),
        ({"no_proxy": "["}, "no_proxy"),
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
