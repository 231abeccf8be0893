"""Models come and go: under a budget while requests run, when they are idle, and a hundred times over."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
import talker
from played import serving, wait_until

from cortex import config
from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService

HI: Any = [{"role": "user", "content": "Say hello."}]
THREE = ("first", "second", "third")


@contextmanager
def server(store: Store, open_model: Any = None, **environment: str) -> Iterator[httpx.Client]:
    common = config.load(environment={"CORTEX_CONFIG": str(store.folder / "rc"), **environment})
    service = LocalService(store, config=common, **({"open_model": open_model} if open_model else {}))
    with serving(service) as local, httpx.Client(base_url=local.url, timeout=300) as http:
        yield http


def rows(http: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get("/inferences/server/models").json()["data"]
    return found


def ask(http: httpx.Client, model: str, tokens: int = 12) -> str:
    sent = {"model": model, "messages": HI, "max_tokens": tokens, "temperature": 0}
    reply = http.post("/v1/chat/completions", json=sent)
    reply.raise_for_status()
    return str(reply.json()["choices"][0]["message"]["content"])


def children() -> set[str]:
    """The processes that this one has started and that have not ended."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()) | {
        pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()
    }


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.model
def test_three_models_are_loaded_and_evicted_under_a_budget_while_requests_run(smollm2: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    for name in THREE:
        importing.add(store, name, smollm2)
        store.update(name, {"ctx_len": 1024, "n_parallel": 2})
    need = 1 << 20
    for name in THREE:
        need = max(need, LocalService(store)._opened(name).need.total)
    budget = int(2.5 * need)  # room for two
    before = children()
    with server(store, CORTEX_MEMORY_BUDGET=str(budget), CORTEX_DATA_FOLDER=str(store.folder)) as http:
        held, seen, over = list[int](), Counter[str](), Event()

        def watch() -> None:
            while not over.wait(0.05):
                found = rows(http)
                held.append(sum(row["memory"] for row in found))
                seen.update(row["id"] for row in found)

        watcher = Thread(target=watch)
        watcher.start()
        try:
            with ThreadPoolExecutor(3) as crowd:
                said = list(crowd.map(lambda number: ask(http, THREE[number % 3]), range(12)))
        finally:
            over.set()
            watcher.join()
        assert len(set(said)) == 1  # the same weights say the same, whoever was loaded when
        assert said[0]
        assert seen.keys() == set(THREE)
        assert 0 < max(held) <= budget
        assert len(rows(http)) <= 2
    assert children() <= before


@pytest.mark.model
def test_a_real_model_leaves_when_it_is_idle_and_comes_back(smollm2: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    importing.add(store, "m", smollm2)
    with server(store, CORTEX_KEEP_ALIVE="1s", CORTEX_CTX_LEN="1024", CORTEX_DATA_FOLDER=str(store.folder)) as http:
        started = http.post("/v1/models/start", json={"model": "m", "ctx_len": 10**6}).json()
        assert started["warning"] == "ctx_len: the model was made for 8192 tokens, and has no more"
        first = ask(http, "m")
        [row] = rows(http)
        assert row["ram"] > 50_000_000
        assert 0 <= row["unloads_in"] <= 1
        wait_until(lambda: not rows(http))
        assert ask(http, "m") == first


@pytest.mark.slow
def test_a_hundred_starts_and_stops_leave_no_process_and_no_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    talker.add(store, "m", replies=["Hello"], repeat=True)
    with server(store, talker.opened) as http:
        cycle(http)
        before = (children(), files(tmp_path), descriptors())
        for _ in range(100):
            cycle(http)
        assert (children(), files(tmp_path), descriptors()) == before


def cycle(http: httpx.Client) -> None:
    http.post("/v1/models/start", json={"model": "m"}).raise_for_status()
    assert len(rows(http)) == 1
    http.post("/v1/models/stop", json={"model": "m"}).raise_for_status()
    assert rows(http) == []


@pytest.mark.model
def test_starts_and_stops_of_a_real_model_leave_no_process_and_no_memory(smollm2: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    importing.add(store, "m", smollm2)
    store.update("m", {"ctx_len": 512})
    with server(store, CORTEX_DATA_FOLDER=str(store.folder)) as http:
        cycle(http)
        before = (children(), files(tmp_path), descriptors())
        for _ in range(5):
            cycle(http)
        assert (children(), files(tmp_path), descriptors()) == before
