"""Several models in one memory: who is ended, who waits, who is refused, and when the idle ones leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from puppet import job, load
from witness import ask, eventually, gone, read

from cortex.core.errors import Busy, NoRoom, TooBig
from cortex.runner.pool import Change, Demand, Limits, Pool


class World:
    """Models that need 40 of 100 bytes each, but `huge`."""

    def __init__(self) -> None:
        self.models = {name: Demand(load(), memory=40, keep=10.0) for name in "abc"}
        self.models["huge"] = Demand(load(), memory=101)
        self.time = 0.0
        self.heard: list[Change] = []

    def resolve(self, name: str) -> Demand:
        return self.models[name]

    def clock(self) -> float:
        return self.time


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def pool(world: World) -> AsyncIterator[Pool]:
    limits = Limits(budget=100, patience=60.0)
    pool = Pool(world.resolve, clock=world.clock, limits=limits, tell=world.heard.append)
    yield pool
    await pool.close()


def names(pool: Pool) -> list[str]:
    return [row.name for row in pool.loaded()]


async def test_the_least_recently_used_model_makes_room(pool: Pool, world: World) -> None:
    for name in "ab":
        world.time += 1
        assert await ask(await pool.get(name), "say hello") == "hello"
    world.time += 1
    await ask(await pool.get("a"), "say again")
    await pool.get("c")
    assert names(pool) == ["a", "c"]


async def test_the_memory_of_an_ended_model_is_free_before_the_next_is_loaded(
    pool: Pool, world: World, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    for name in "ab":
        world.models[name] = Demand(load(journal=str(journal)), memory=90)
    await pool.get("a")
    await pool.get("b")
    assert journal.read_text().split() == ["open", "close", "open"]


async def test_a_model_at_work_is_not_ended_and_who_needs_its_memory_waits(
    pool: Pool, world: World, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    held.touch()
    busy = await pool.get("a")
    ticket = await busy.submit(job(f"hold {held}"))
    with await pool.admit("b"):  # held, though it has no job now
        waiting = asyncio.create_task(pool.get("c"))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        held.unlink()
        assert await read(ticket) == "held"
        await waiting
        assert names(pool) == ["b", "c"]
    assert gone(busy.pid)


async def test_who_waits_too_long_is_told_the_numbers_and_when_to_come_back(pool: Pool, world: World) -> None:
    pool.limits = Limits(budget=10**9, patience=0.05)
    world.models = {name: Demand(load(), memory=600_000_000) for name in "ab"}
    pool.clock = asyncio.get_running_loop().time
    with await pool.hold("a"), pytest.raises(NoRoom, match=r"b needs about 0\.60 GB .* 1\.00 GB .* a 0\.60 GB") as full:
        await pool.get("b")
    assert (full.value.status, full.value.again) == (503, 30)
    assert (await pool.get("b")).alive  # a is idle now


async def test_what_can_never_fit_is_refused_at_once_and_ends_nobody(pool: Pool) -> None:
    await pool.get("a")
    with pytest.raises(TooBig, match="raise memory_budget") as refused:
        await pool.get("huge")
    assert refused.value.again is None
    assert names(pool) == ["a"]


async def test_where_the_system_has_less_memory_than_the_budget_idle_models_go(
    pool: Pool, world: World, tmp_path: Path
) -> None:
    """The engine itself finds that there is too little: it is tried again after each model that went."""
    short = tmp_path / "short"
    world.models["c"] = Demand(load("short", short=str(short)), memory=1)
    await pool.get("a")
    world.time += 1
    await pool.get("b")
    short.write_text("2")
    assert (await pool.get("c")).alive
    assert names(pool) == ["c"]
    world.time += 1
    short.write_text("9")
    await pool.stop("c")
    with pytest.raises(NoRoom, match="too little"):
        await pool.get("c")


async def test_nobody_is_ended_for_a_model_that_nobody_waits_for_any_more(pool: Pool, world: World) -> None:
    with await pool.hold("a"), await pool.hold("b"):
        waiting = asyncio.create_task(pool.get("c"))
        await asyncio.sleep(0.02)
        waiting.cancel()
        await asyncio.wait([waiting])
        pool.bell.ring()
        await eventually(lambda: "c" not in pool.loading)
    await asyncio.sleep(0.05)
    assert names(pool) == ["a", "b"]


async def test_a_replaced_model_that_is_held_stays_until_it_is_released(pool: Pool, world: World) -> None:
    hold = await pool.hold("a")
    world.models["a"] = replace(world.models["a"], load=replace(load(), context=99))
    assert (await pool.get("a")).context == 99
    assert await ask(hold.runner, "say still here") == "still here"
    hold.release()
    hold.release()
    await eventually(lambda: gone(hold.runner.pid))


async def test_a_model_that_is_idle_for_long_is_unloaded(pool: Pool, world: World) -> None:
    runner = await pool.get("a")
    world.time = 9.0
    assert pool.tidy() == 1.0
    await ask(runner, "say hello")  # it counts from the last work on
    world.time = 18.0
    assert pool.tidy() == 1.0
    [row] = pool.loaded()
    assert (row.idle, row.left, row.need) == (9.0, 1.0, 40)
    world.time = 19.0
    assert pool.tidy() is None
    await eventually(lambda: gone(runner.pid))
    assert names(pool) == []
    assert await ask(await pool.get("a"), "say anew") == "anew"


async def test_one_at_work_is_never_unloaded_nor_one_that_shall_stay(pool: Pool, world: World) -> None:
    world.models["b"] = replace(world.models["b"], keep=None)
    await pool.get("b")
    with await pool.hold("a") as runner:
        ticket = await runner.submit(job("endless"))
        world.time = 1000.0
        assert pool.tidy() is None
        assert [row.idle for row in pool.loaded()] == [1000.0, None]
    assert pool.tidy() is None
    await ticket.aclose()
    assert names(pool) == ["b", "a"]


async def test_idle_models_are_unloaded_by_themselves(world: World) -> None:
    world.models["a"] = replace(world.models["a"], keep=0.1)
    pool = Pool(world.resolve, tell=world.heard.append)
    runner = await pool.get("a")
    await eventually(lambda: gone(runner.pid))
    await eventually(lambda: [change.what for change in world.heard][-1] == "stopped")
    await pool.close()


async def test_another_keep_alive_holds_at_once(pool: Pool, world: World) -> None:
    await pool.get("a")
    world.time = 5.0
    world.models["a"] = replace(world.models["a"], keep=1.0)
    pool.refresh()
    await eventually(lambda: names(pool) == [])


async def test_what_becomes_of_a_model_is_told(pool: Pool, world: World) -> None:
    world.models["broken"] = Demand(load("broken"))
    await pool.get("a")
    await pool.stop("a")
    with pytest.raises(Exception, match="no model"):
        await pool.get("broken")
    await eventually(lambda: len(world.heard) == 7)
    told = [(change.name, change.what, change.fraction) for change in world.heard]
    assert told[:3] == [("a", "loading", 0.0), ("a", "progress", 0.25), ("a", "ready", 1.0)]
    assert told[3:] == [
        *[("a", "stopped", 0.0), ("broken", "loading", 0.0), ("broken", "progress", 0.25), ("broken", "failed", 0.25)]
    ]
    assert "pull it again" in world.heard[-1].error


async def test_stopping_one_that_waits_for_memory_ends_the_waiting(pool: Pool) -> None:
    with await pool.hold("a"), await pool.hold("b"):
        waiting = asyncio.create_task(pool.get("c"))
        await asyncio.sleep(0.02)
        assert await pool.stop("c")
        with pytest.raises(Busy):
            await waiting
