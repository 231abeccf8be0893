"""A played server for each test that asks for one, and one of models whose files are scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import talker
from openai import OpenAI
from played import PlayedService, Serving, serving

from cortex.models.store import Store
from cortex.server.local import LocalService


@pytest.fixture
def service() -> PlayedService:
    return PlayedService()


@pytest.fixture
def server(service: PlayedService) -> Iterator[Serving[PlayedService]]:
    with serving(service) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


@pytest.fixture
def local(store: Store) -> Iterator[Serving[LocalService]]:
    with serving(LocalService(store, open_model=talker.opened)) as running:
        yield running


@pytest.fixture
def http(local: Serving[LocalService]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=local.url, timeout=60) as http:
        yield http


@pytest.fixture
def client(local: Serving[LocalService]) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{local.url}/v1", api_key="x", max_retries=0) as client:
        yield client
