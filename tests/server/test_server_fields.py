"""Fields of the management routes: each is obeyed, refused, or named as one without effect."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import talker
from played import serving

from cortex.models.store import Store
from cortex.server.local import LocalService
from cortex.server.site import Options
from models import hub, tiny

ENGINE = "/v1/engines/llama-cpp"
ROUTES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/v1/models/start", {"model": "m"}),
    ("POST", "/v1/models/stop", {"model": "m"}),
    ("POST", "/v1/models/import", {"model": "new", "modelPath": "FILE"}),
    ("POST", "/v1/models/pull", {"model": "a:b:c.gguf"}),
    ("POST", "/v1/models/pull/info", {"model": "a:b:c.gguf"}),
    ("DELETE", "/v1/models/pull", {"taskId": "a:b:c.gguf"}),
    ("POST", "/v1/models/sources", {"source": "a/b"}),
    ("DELETE", "/v1/models/sources", {"source": "a/b"}),
    ("POST", f"{ENGINE}/install", {}),
    ("POST", f"{ENGINE}/default", {}),
    ("POST", f"{ENGINE}/update", {}),
    ("POST", f"{ENGINE}/load", {}),
    ("DELETE", f"{ENGINE}/load", {}),
    ("POST", "/v1/hardware/activate", {"gpus": []}),
]
SETTLED = [
    ("PATCH", "/v1/configs", {}),
    ("PATCH", "/v1/models/m", {}),
]  # they have as many fields as there are settings


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub with one repository, and no GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # as it is put back
    with hub.serving(hub.Hub({"a/b": {"main": {"c.gguf": tiny.gguf()}}})) as home:
        monkeypatch.setenv("HF_ENDPOINT", home.url)
        yield


def send(http: httpx.Client, verb: str, path: str, body: dict[str, Any], tmp_path: Path) -> httpx.Response:
    file = tiny.write(tmp_path / "tiny.gguf")
    return http.request(verb, path, json={key: str(file) if value == "FILE" else value for key, value in body.items()})


def test_a_field_that_a_route_does_not_know_is_named_in_its_answer_and_in_the_log(
    http: httpx.Client, store: Store, home: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    talker.add(store, "m", replies=["a"])
    caplog.set_level(logging.WARNING, "cortex.server")
    for verb, path, body in ROUTES:
        caplog.clear()
        reply = send(http, verb, path, body | {"colour": 1, "silent": None}, tmp_path)
        assert reply.status_code == 200 or reply.json()["error"]["code"] == "task_not_found", (path, reply.text)
        if reply.status_code == 200:
            (warning,) = reply.json()["cortex"]["warnings"]
            assert warning.startswith("colour: ")
            assert reply.json()["warning"] == warning
        assert "colour: " in caplog.text, path


@pytest.mark.parametrize(("verb", "path", "body"), ROUTES)
def test_a_field_that_a_route_knows_has_no_warning(
    http: httpx.Client, store: Store, home: None, tmp_path: Path, verb: str, path: str, body: dict[str, Any]
) -> None:
    talker.add(store, "m", replies=["a"])
    told = send(http, verb, path, body, tmp_path).json()
    assert {"cortex", "warning"} & told.keys() == set()


@pytest.mark.parametrize(("verb", "path", "body"), [*ROUTES, *SETTLED])
def test_a_strict_server_refuses_it(
    store: Store, home: None, tmp_path: Path, verb: str, path: str, body: dict[str, Any]
) -> None:
    talker.add(store, "m", replies=["a"])
    with (
        serving(LocalService(store, open_model=talker.opened), Options(strict_fields=True)) as local,
        httpx.Client(base_url=local.url, timeout=60) as http,
    ):
        reply = send(http, verb, path, body | {"colour": 1}, tmp_path)
        assert (reply.status_code, reply.json()["error"]["param"]) == (400, "colour")
    assert [model.id for model in store.list()] == ["m"], "nothing was done"


def test_settings_that_are_none_are_refused_everywhere(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m")
    for verb, path, _ in SETTLED:
        reply = http.request(verb, path, json={"colour": 1})
        assert (reply.status_code, reply.json()["error"]["param"]) == (400, "colour")


def test_a_route_of_the_engine_needs_no_body(http: httpx.Client) -> None:
    for path in ("install", "default", "update", "load"):
        assert http.post(f"{ENGINE}/{path}").status_code == 200
        assert http.post(f"{ENGINE}/{path}", content=b"[]").status_code == 400
