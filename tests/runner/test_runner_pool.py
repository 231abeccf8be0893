"""The laws of the pool: one start for all who wait, a new runner for a dead one, running requests unhurt."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from puppet import job, load
from witness import ask, eventually, gone, read

from cortex.core.errors import Busy, Crowded, EngineError, LoadError, NotFound
from cortex.runner.pool import Demand, Pool


class World:
    """The models that a test's pool knows, and the time."""

    def __init__(self) -> None:
        self.models = {"a": load(), "b": load(), "hangs": load("hang"), "broken": load("broken")}
        self.time = 100.0

    def resolve(self, name: str) -> Demand:
        if name not in self.models:
            raise NotFound(f"there is no model {name}")
        return Demand(self.models[name])

    def clock(self) -> float:
        return self.time


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def pool(world: World) -> AsyncIterator[Pool]:
    pool = Pool(world.resolve, clock=world.clock)
    yield pool
    await pool.close()


async def test_a_model_is_loaded_once_for_all_who_ask(pool: Pool) -> None:
    first, *others = await asyncio.gather(*(pool.get("a") for _ in range(5)))
    assert all(other is first for other in others)
    assert await pool.get("a") is first
    assert await pool.get("b") is not first


async def test_the_others_get_the_model_when_the_first_who_asked_leaves(pool: Pool) -> None:
    first, second = asyncio.create_task(pool.get("a")), asyncio.create_task(pool.get("a"))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await ask(await second, "say hello") == "hello"


async def test_an_unknown_model_is_not_found(pool: Pool) -> None:
    with pytest.raises(NotFound):
        await pool.get("c")
    assert not await pool.stop("c")


async def test_a_dead_runner_is_replaced_on_the_next_request(pool: Pool) -> None:
    old = await pool.get("a")
    ticket = await old.submit(job("endless"))
    os.kill(old.pid, signal.SIGKILL)
    with pytest.raises(EngineError, match="the next request starts a new one"):
        await read(ticket)
    assert pool.loaded() == []
    new = await pool.get("a")
    assert new is not old
    assert await ask(new, "say hello") == "hello"


async def test_a_failed_load_fails_all_who_wait_and_is_tried_anew(pool: Pool, world: World) -> None:
    results = await asyncio.gather(*(pool.get("broken") for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [LoadError] * 3
    assert pool.loaded() == []
    assert not await pool.stop("broken")
    world.models["broken"] = load()
    assert await ask(await pool.get("broken"), "say hello") == "hello"


async def test_the_models_that_run_are_listed_with_memory_and_uptime(pool: Pool, world: World) -> None:
    runner = await pool.get("a")
    world.time += 42
    [entry] = pool.loaded()
    assert (entry.name, entry.runner, entry.uptime) == ("a", runner, 42.0)
    if sys.platform == "linux":
        assert entry.memory
        assert 1_000_000 < entry.memory < 1_000_000_000


async def test_the_progress_of_a_load_can_be_watched(pool: Pool) -> None:
    assert pool.loading == {}
    waiting = asyncio.create_task(pool.get("hangs"))
    await eventually(lambda: pool.loading == {"hangs": 0.25})
    assert pool.loaded() == []
    assert await pool.stop("hangs")
    with pytest.raises(Busy, match="stopped while it was loading"):
        await waiting
    assert pool.loading == {}


async def test_stopping_a_model_ends_its_process_and_says_whether_there_was_one(pool: Pool) -> None:
    runner = await pool.get("a")
    assert await pool.stop("a")
    assert gone(runner.pid)
    assert not await pool.stop("a")
    assert await ask(await pool.get("a"), "say again") == "again"


async def test_an_idle_runner_of_a_replaced_model_ends_before_the_new_one_starts(
    pool: Pool, world: World, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    world.models["a"] = load(journal=str(journal))
    old = await pool.get("a")
    world.models["a"] = replace(world.models["a"], context=99)
    new = await pool.get("a")
    assert gone(old.pid)
    assert new.context == 99
    assert journal.read_text().split() == ["open", "close", "open"]


async def test_a_runner_at_work_finishes_its_requests_when_its_model_is_replaced(
    pool: Pool, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "held"
    file.touch()
    world.models["a"] = load(size=1)  # so that the held job needs more steps after the order to end could have come
    old = await pool.get("a")
    ticket = await old.submit(job(f"hold {file}"))
    world.models["a"] = replace(load(), context=99)
    new = await pool.get("a")
    assert await ask(new, "say new") == "new"
    file.unlink()
    assert await read(ticket) == "held"
    await eventually(lambda: gone(old.pid))
    assert [entry.runner for entry in pool.loaded()] == [new]


async def test_who_waits_for_a_model_that_is_replaced_meanwhile_gets_the_new_one(pool: Pool, world: World) -> None:
    waiting = asyncio.create_task(pool.get("hangs"))
    await eventually(lambda: bool(pool.loading.get("hangs")))
    world.models["hangs"] = load()
    new = await pool.get("hangs")
    assert await waiting is new


async def test_a_model_file_written_anew_is_loaded_anew(pool: Pool, world: World, tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_text("old")
    world.models["a"] = replace(load(), path=str(file))
    old = await pool.get("a")
    assert await pool.get("a") is old
    file.write_text("newer")
    assert await pool.get("a") is not old


async def test_closing_ends_every_process_and_refuses_what_comes_later(world: World) -> None:
    pool = Pool(world.resolve)
    first = await pool.get("a")
    ticket = await first.submit(job("endless"))
    world.models["a"] = replace(load(), context=99)
    second = await pool.get("a")
    waiting = asyncio.create_task(pool.get("hangs"))
    await eventually(lambda: bool(pool.loading.get("hangs")))
    await pool.close()
    assert gone(first.pid)
    assert gone(second.pid)
    with pytest.raises(EngineError, match="stopped"):
        await read(ticket)
    with pytest.raises(Busy, match="stopped"):
        await waiting
    with pytest.raises(Busy):
        await pool.get("a")
    await pool.close()


async def test_only_so_many_wait_for_a_model_that_is_being_loaded(world: World) -> None:
    world.models["hangs"] = replace(world.models["hangs"], parallel=1)
    pool = Pool(world.resolve, line=1)
    waiting = [asyncio.create_task(pool.admit("hangs")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Crowded, match="as many requests as may wait for hangs"):
        await pool.admit("hangs")
    assert (await pool.admit("a")).runner.alive  # another model has a line of its own
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    third = asyncio.create_task(pool.admit("hangs"))
    await asyncio.sleep(0)
    await pool.close()
    assert [type(task.exception()) for task in (waiting[1], third) if await asyncio.wait([task])] == [Busy] * 2
