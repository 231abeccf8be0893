"""Downloads that the server does, and what everybody hears of them and of loads, against a loopback hub."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import talker
from played import PlayedService, Serving, serving, wait_until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from cortex.models.store import Store
from cortex.server.app import create_app
from cortex.server.events import BEHIND, Events
from cortex.server.local import LocalService
from cortex.server.site import Options, Site
from models import hub, tiny

DATA = tiny.gguf()
NAME = "llama3.1:8b-gguf-q4-km"
PATIENCE = 30.0  # seconds; only a failing test waits for so long
Local = Serving[LocalService]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[hub.Hub]:
    repos = {"cortexso/llama3.1": {"main": {"metadata.yml": b"default: 8b-gguf-q4-km\n"}}}
    for branch in ("8b-gguf-q4-km", "8b-gguf-q8-0"):
        repos["cortexso/llama3.1"][branch] = {"model.gguf": DATA}
    with hub.serving(hub.Hub(repos)) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        yield running


@contextmanager
def listening(local: Local) -> Iterator[ClientConnection]:
    with connect(f"{local.url.replace('http', 'ws')}/events", open_timeout=PATIENCE) as socket:
        yield socket


def heard(socket: ClientConnection, *last: str) -> list[dict[str, Any]]:
    """The frames up to one of these types."""
    frames: list[dict[str, Any]] = []
    while not frames or frames[-1]["type"] not in last:
        frames.append(json.loads(socket.recv(timeout=PATIENCE)))
    return frames


def test_a_download_is_told_from_its_beginning_to_its_end(local: Local, store: Store, home: hub.Hub) -> None:
    with listening(local) as socket:
        reply = httpx.post(f"{local.url}/v1/models/pull", json={"model": NAME}, timeout=PATIENCE)
        frames = heard(socket, "DownloadSuccess", "DownloadError")
    begun = reply.json()
    assert (reply.status_code, begun["message"]) == (200, "Model start downloading!")
    assert (begun["task"]["id"], begun["task"]["type"]) == (NAME, "Model")
    (item,) = begun["task"]["items"]
    assert item.keys() == {"id", "downloadUrl", "localPath", "checksum", "bytes", "downloadedBytes"}
    assert [frame["type"] for frame in frames if frame["type"] != "DownloadUpdated"] == [
        *("DownloadStarted", "DownloadSuccess")
    ]
    (last,) = frames[-1]["task"]["items"]
    assert last["downloadedBytes"] == last["bytes"] == len(DATA)
    assert last["localPath"] == str(store.get(NAME).path)
    assert store.get(NAME).path.read_bytes() == DATA


def test_a_download_is_stopped_and_goes_on_later(local: Local, store: Store, home: hub.Hub) -> None:
    home.repos["cortexso/llama3.1"]["8b-gguf-q4-km"]["model.gguf"] = DATA + bytes(3_000_000)
    home.slow = 0.05
    with listening(local) as socket, httpx.Client(base_url=local.url, timeout=PATIENCE) as http:
        task = http.post("/v1/models/pull", json={"model": NAME}).json()["task"]["id"]
        again = http.post("/v1/models/pull", json={"model": NAME})  # the one that runs
        assert (again.status_code, again.json()["task"]["id"]) == (200, task)
        heard(socket, "DownloadUpdated")
        stopped = http.request("DELETE", "/v1/models/pull", json={"taskId": task})
        assert stopped.json() == {"message": "Download stopped successfully", "taskId": task}
        assert heard(socket, "DownloadStopped", "DownloadSuccess")[-1]["type"] == "DownloadStopped"
        assert not store.has(NAME)
        gone = http.request("DELETE", "/v1/models/pull", json={"taskId": task})
        assert (gone.status_code, gone.json()["message"]) == (400, "Task not found")
        home.slow = 0.0
        http.post("/v1/models/pull", json={"model": NAME}).raise_for_status()
        assert heard(socket, "DownloadSuccess", "DownloadError")[-1]["type"] == "DownloadSuccess"
    assert store.has(NAME)


def test_a_server_that_ends_stops_its_downloads(store: Store, home: hub.Hub) -> None:
    home.repos["cortexso/llama3.1"]["8b-gguf-q4-km"]["model.gguf"] = DATA + bytes(9_000_000)
    home.slow = 0.2
    with serving(LocalService(store, open_model=talker.opened)) as local, listening(local) as socket:
        httpx.post(f"{local.url}/v1/models/pull", json={"model": NAME}, timeout=PATIENCE).raise_for_status()
        heard(socket, "DownloadUpdated")
    assert not store.has(NAME)
    assert home.sent < 9_000_000
    assert not any(path.name == "model.gguf" for path in store.folder.rglob("*"))


def test_what_cannot_be_downloaded_is_told(local: Local, store: Store, home: hub.Hub) -> None:
    home.etag = "0" * 64  # of another file
    with listening(local) as socket:
        httpx.post(f"{local.url}/v1/models/pull", json={"model": NAME}, timeout=PATIENCE).raise_for_status()
        last = heard(socket, "DownloadSuccess", "DownloadError")[-1]
    assert last["type"] == "DownloadError"
    assert "not the expected one" in last["message"]
    assert not store.has(NAME)


def test_a_name_that_nobody_knows_begins_nothing(local: Local, home: hub.Hub) -> None:
    reply = httpx.post(f"{local.url}/v1/models/pull", json={"model": "nothing"}, timeout=PATIENCE)
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found")


def test_a_branch_that_is_not_there_is_told_when_it_is_fetched(local: Local, home: hub.Hub) -> None:
    with listening(local) as socket:
        httpx.post(f"{local.url}/v1/models/pull", json={"model": "llama3.1:1b"}, timeout=PATIENCE).raise_for_status()
        assert "llama3.1:1b could not be downloaded" in heard(socket, "DownloadSuccess", "DownloadError")[-1]["message"]


def test_a_model_may_get_an_id_of_its_own(local: Local, store: Store, home: hub.Hub) -> None:
    with listening(local) as socket:
        sent = {"model": NAME, "id": "mine"}
        httpx.post(f"{local.url}/v1/models/pull", json=sent, timeout=PATIENCE).raise_for_status()
        assert heard(socket, "DownloadSuccess", "DownloadError")[-1]["task"]["id"] == "mine"
    assert store.has("mine")
    store.alias("mine", "other")
    refused = httpx.post(f"{local.url}/v1/models/pull", json={"model": NAME, "id": "other"}, timeout=PATIENCE)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "id")
    assert "other is a further name of the model mine" in refused.json()["message"]


def test_what_a_name_may_mean_is_asked_before_it_is_pulled(local: Local, store: Store, home: hub.Hub) -> None:
    with httpx.Client(base_url=local.url, timeout=PATIENCE) as http:
        http.post("/v1/models/pull", json={"model": "llama3.1:8b-gguf-q8-0"}).raise_for_status()
        wait_until(lambda: store.has("llama3.1:8b-gguf-q8-0"))
        info = http.post("/models/pull/info", json={"model": "llama3.1"}).json()
        assert info | {"message": ""} == {
            "id": "llama3.1",
            "modelSource": "cortexso/llama3.1",
            "defaultBranch": "8b-gguf-q4-km",
            "downloadedModels": ["llama3.1:8b-gguf-q8-0"],
            "availableModels": [NAME],
            "downloadUrl": "",
            "message": "",
        }
        assert http.post("/models/pull/info", json={"model": NAME}).json()["availableModels"] == [NAME]


def test_the_hub_is_asked_once_what_a_name_means(local: Local, store: Store, home: hub.Hub) -> None:
    home.repos["author/Repo"] = {"main": {"m.gguf": DATA}}
    with listening(local) as socket:
        for name in ("llama3.1", "author/Repo"):
            httpx.post(f"{local.url}/v1/models/pull", json={"model": name}, timeout=PATIENCE).raise_for_status()
            assert heard(socket, "DownloadSuccess", "DownloadError")[-1]["type"] == "DownloadSuccess"
    asked = [request.path for request in home.asked if request.path.startswith("/api/")]
    assert asked == ["/api/models/cortexso/llama3.1/refs", "/api/models/author/Repo/revision/main"]


def test_sources_are_kept_listed_and_removed(local: Local, home: hub.Hub) -> None:
    with httpx.Client(base_url=local.url, timeout=PATIENCE) as http:
        added = http.post("/v1/models/sources", json={"source": "https://huggingface.co/cortexso/llama3.1"})
        assert added.json() == {"message": "Model source is added successfully!"}
        rows = {row["id"]: row for row in http.get("/v1/models/sources").json()["data"]}
        assert [model["id"] for model in rows["cortexso/llama3.1"]["models"]] == [NAME, "llama3.1:8b-gguf-q8-0"]
        assert NAME in http.get("/v1/models/hub", params={"author": "cortexso"}).json()["data"]
        assert http.get("/v1/models/sources/cortexso/llama3.1").json() == rows["cortexso/llama3.1"]
        removed = http.request("DELETE", "/v1/models/sources", json={"source": "cortexso/llama3.1"})
        assert removed.status_code == 200
        assert http.get("/v1/models/sources/cortexso/llama3.1").status_code == 404
        assert http.post("/v1/models/sources", json={"source": "no/where"}).status_code == 404
        assert http.post("/v1/models/sources", json={"source": "no such thing"}).status_code == 400


def test_a_load_is_told_from_its_beginning_to_its_end(local: Local, store: Store) -> None:
    talker.add(store, "m", replies=["a"])
    talker.add(store, "broken", load_error="pull it again")
    with listening(local) as socket, httpx.Client(base_url=local.url, timeout=PATIENCE) as http:
        http.post("/v1/models/start", json={"model": "m"}).raise_for_status()
        frames = heard(socket, "LoadSuccess")
        assert frames[0] == {"type": "LoadStarted", "task": {"id": "m", "type": "Load", "items": [], "progress": 0.0}}
        assert frames[-1]["task"]["progress"] == 1.0
        http.post("/v1/models/stop", json={"model": "m"}).raise_for_status()
        heard(socket, "LoadStopped")
        http.post("/v1/models/start", json={"model": "broken"})
        assert "pull it again" in heard(socket, "LoadError")[-1]["message"]


def test_how_far_a_load_is_is_told_while_it_loads(local: Local, store: Store) -> None:
    talker.add(store, "m", replies=["a"], load_delay=600)  # it loads until it is stopped
    with (
        listening(local) as socket,
        httpx.Client(base_url=local.url, timeout=PATIENCE) as http,
        ThreadPoolExecutor(1) as beside,
    ):
        started = beside.submit(http.post, "/v1/models/start", json={"model": "m"})
        updated = heard(socket, "LoadUpdated")[-1]
        assert updated == {"type": "LoadUpdated", "task": {"id": "m", "type": "Load", "items": [], "progress": 0.0}}
        status = http.get("/v1/models/status/m")
        assert (status.status_code, status.json()["progress"]) == (202, 0.0)
        http.post("/v1/models/stop", json={"model": "m"}).raise_for_status()
        heard(socket, "LoadStopped")
        assert started.result().status_code == 503


@pytest.mark.parametrize("sent", ["text", b"bytes"])
def test_what_a_reader_sends_changes_nothing(local: Local, store: Store, sent: str | bytes) -> None:
    talker.add(store, "m", replies=["a"])
    with listening(local) as socket:
        for _ in range(3):
            socket.send(sent)
        httpx.post(f"{local.url}/v1/models/start", json={"model": "m"}, timeout=PATIENCE).raise_for_status()
        heard(socket, "LoadSuccess")


@pytest.mark.parametrize("end", ["the reader leaves", "the server ends"])
def test_nothing_of_a_reader_stays_when_it_is_over(end: str) -> None:
    async def listened() -> set[str]:
        """The tasks that are left of one reader."""
        app, said = create_app(Site(PlayedService())), asyncio.Queue[dict[str, Any]]()
        accepted = asyncio.Event()

        async def send(message: MutableMapping[str, Any]) -> None:
            accepted.set()

        scope = {"type": "websocket", "path": "/events", "headers": [], "query_string": b"", "subprotocols": []}
        said.put_nowait({"type": "websocket.connect"})
        reading = asyncio.ensure_future(app(scope, said.get, send))
        await accepted.wait()
        await asyncio.sleep(0)
        if end == "the reader leaves":
            said.put_nowait({"type": "websocket.disconnect", "code": 1001})
        else:
            reading.cancel()
        await asyncio.wait({reading})
        return {str(task) for task in asyncio.all_tasks() - {asyncio.current_task()}}

    assert asyncio.run(listened()) == set()


def test_a_page_that_may_not_ask_may_not_listen(store: Store) -> None:
    with serving(LocalService(store, open_model=talker.opened), Options(origins=("http://page",))) as local:
        address = f"{local.url.replace('http', 'ws')}/events"
        with pytest.raises(InvalidStatus), connect(address, origin="http://evil.example"):  # type: ignore[arg-type]
            pass
        with connect(address, origin="http://page"):  # type: ignore[arg-type]
            pass


async def test_a_reader_that_is_late_loses_the_oldest_and_holds_up_nobody() -> None:
    events = Events()
    with events.reader() as queue:
        for number in range(BEHIND + 5):
            events.tell({"number": number})
        assert queue.get_nowait() == {"number": 5}
    events.tell({"number": -1})
    assert queue.qsize() == BEHIND - 1
