"""The laws of a runner whose engine misbehaves, or is killed: its requests hear why, and no process is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from puppet import job, load
from witness import Start, ask, eventually, gone, read

from cortex.core.errors import EngineError, LoadError
from cortex.engines.base import Load
from cortex.runner.parent import Runner
from cortex.runner.process import describe, environment


async def test_a_bug_that_one_job_meets_on_admission_harms_no_other(runner: Runner) -> None:
    other = await runner.submit(job("endless"))
    with pytest.raises(EngineError, match="a bug in submit"):
        await runner.submit(job("trip"))
    assert (await anext(other)).data == b"."
    await other.aclose()


async def test_a_step_that_raises_fails_every_job_and_the_engine_lives_on(runner: Runner) -> None:
    other = await runner.submit(job("endless"))
    for _ in range(3):
        with pytest.raises(EngineError, match="a bug in step"):
            await ask(runner, "stumble")
        assert await ask(runner, "count") == "0"
    with pytest.raises(EngineError, match="a bug in step"):
        await read(other)
    assert runner.alive


async def test_an_engine_that_can_do_no_step_any_more_ends_its_runner(runner: Runner) -> None:
    with pytest.raises(EngineError, match="a bug in every step"):
        await ask(runner, "jam")
    await eventually(lambda: not runner.alive)
    with pytest.raises(EngineError, match="exit code 1"):
        await ask(runner, "say hello")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
async def test_a_runner_killed_in_mid_stream_fails_its_requests_by_name(runner: Runner, number: signal.Signals) -> None:
    tickets = [await runner.submit(job("endless")) for _ in range(3)]
    await anext(tickets[0])
    os.kill(runner.pid, number)
    for ticket in tickets:
        with pytest.raises(EngineError, match=f"ended by {number.name}.*the next request starts a new one"):
            await read(ticket)
    assert not runner.alive
    with pytest.raises(EngineError, match=number.name):
        await runner.submit(job("say hello"))


async def test_native_code_that_aborts_fails_the_submissions_in_flight_too(runner: Runner, tmp_path: Path) -> None:
    file = tmp_path / "held"
    file.touch()
    holding = await runner.submit(job(f"hold {file}"))
    submission = asyncio.create_task(runner.submit(job("say hello")))
    await asyncio.sleep(0)
    os.kill(runner.pid, signal.SIGKILL)
    for waiting in (submission, read(holding)):
        with pytest.raises(EngineError, match="SIGKILL"):
            await waiting


async def test_an_abort_in_a_step_is_named(runner: Runner) -> None:
    with pytest.raises(EngineError, match="SIGABRT"):
        await ask(runner, "abort")


async def test_pieces_sent_before_the_crash_are_read_before_the_error(start: Start) -> None:
    runner = await start(load(size=1))
    ticket = await runner.submit(job("say " + "x" * 500))
    await eventually(lambda: ticket.number not in runner.tickets)
    os.kill(runner.pid, signal.SIGKILL)
    await eventually(lambda: runner.end is not None)
    assert await read(ticket) == "x" * 500


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("abort", "SIGABRT while it loaded puppet.gguf"),
        ("kill", r"SIGKILL.*memory.*while it loaded puppet.gguf"),
        ("broken", "^puppet.gguf is no model: pull it again$"),
        ("bug", "puppet.gguf cannot be loaded.*a bug in the engine"),
    ],
)
async def test_a_load_that_fails_says_why(how: str, words: str) -> None:
    with pytest.raises(LoadError, match=words):
        await Runner.start(load(how))


async def test_an_engine_that_does_not_exist_is_a_load_that_fails() -> None:
    with pytest.raises(LoadError, match="no_such_module"):
        await Runner.start(Load("x.gguf", engine="no_such_module:Engine"))


async def test_a_system_without_room_for_a_process_is_a_load_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(LoadError, match="no runner can be started"):
        await Runner.start(load())


async def test_cancelling_a_load_leaves_no_process(tmp_path: Path) -> None:
    file, reached = tmp_path / "pid", asyncio.Event()
    settings = load("hang", pid_file=str(file))
    loading = asyncio.create_task(Runner.start(settings, progress=lambda _: reached.set()))
    await reached.wait()
    assert not gone(int(file.read_text()))
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    assert gone(int(file.read_text()))


SERVER = """
import asyncio, sys
from puppet import job, load
from cortex.runner.parent import Runner

async def main(file, how, order):
    runner = await Runner.start(load(how, pid_file=file), progress=lambda _: print("loading", flush=True))
    ticket = order and await runner.submit(job(order))
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("how", "order", "moment"),
    [
        ("well", "", "ready"),
        ("well", "endless", "ready"),
        ("well", "hold {file}", "ready"),
        ("hang", "", "loading"),
    ],
    ids=["idle", "working", "in a long step", "loading"],
)
def test_the_servers_death_ends_its_runner(how: str, order: str, moment: str, tmp_path: Path) -> None:
    file = tmp_path / "pid"  # while it is there, a job that holds goes on
    command = [sys.executable, "-c", SERVER, str(file), how, order.format(file=file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as server:
        assert server.stdout
        assert moment in iter(lambda: server.stdout.readline().strip(), "")
        pid = int(file.read_text())
        assert not gone(pid)
        server.kill()
    asyncio.run(eventually(lambda: gone(pid)))


def test_the_end_of_a_process_is_described_for_people() -> None:
    assert describe(3) == "ended with exit code 3"
    assert describe(-signal.SIGABRT) == "was ended by SIGABRT"
    assert describe(-63) == "was ended by signal 63"
    assert "memory" in describe(-signal.SIGKILL)
