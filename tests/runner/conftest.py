"""Runners for tests, none of which is left when its test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from puppet import load
from witness import Start

from cortex.engines.base import Load
from cortex.runner.parent import Runner


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    runners: list[Runner] = []

    async def start(settings: Load | None = None) -> Runner:
        runners.append(await Runner.start(settings or load()))
        return runners[-1]

    yield start
    for runner in runners:
        await runner.stop()


@pytest.fixture
async def runner(start: Start) -> Runner:
    return await start()
