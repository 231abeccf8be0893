"""A played server for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from played import PlayedService, Serving, serving


@pytest.fixture
def service() -> PlayedService:
    return PlayedService()


@pytest.fixture
def server(service: PlayedService) -> Iterator[Serving[PlayedService]]:
    with serving(service) as running:
        yield running
