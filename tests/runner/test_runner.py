"""The laws of a runner whose engine behaves: jobs are told apart, may be left at any time, and end with the runner."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from puppet import job, load
from witness import Start, ask, eventually, gone, read

from cortex.core.errors import BadRequest, EngineError, TooLong
from cortex.core.job import Job, Segment, Usage
from cortex.engines.base import Load
from cortex.runner import frames
from cortex.runner.parent import Link, Runner


async def test_fifty_jobs_at_once_each_get_their_own_reply(start: Start) -> None:
    replies = [f"reply {number}: " + "☃é" * number for number in range(50)]
    runner = await start(Load("", engine="scripted", extra={"replies": replies, "size": 3}))
    tickets = await asyncio.gather(*(runner.submit(job("hello")) for _ in replies))
    assert await asyncio.gather(*map(read, tickets)) == replies
    assert not runner.tickets


async def test_pieces_come_in_order_and_only_the_last_has_finish(start: Start) -> None:
    runner = await start(load(size=1))
    pieces = [piece async for piece in await runner.submit(job("say abcdef"))]
    assert [piece.data for piece in pieces] == [b"a", b"b", b"c", b"d", b"e", b"f"]
    assert [piece.finish for piece in pieces] == [None] * 5 + ["stop"]
    assert [piece.usage for piece in pieces] == [Usage()] * 5 + [Usage(prompt=1, completion=2)]


async def test_a_runner_says_who_it_is(runner: Runner) -> None:
    assert (runner.context, runner.alive) == (77, True)
    assert runner.pid != os.getpid()
    assert not gone(runner.pid)


def test_a_transport_of_another_event_loop_will_do() -> None:
    """uvloop's are of no class of asyncio's."""
    wrote: list[bytes] = []
    transport = SimpleNamespace(write=wrote.append, is_closing=lambda: False)
    link = Link(lambda report: None)
    link.connection_made(transport)  # type: ignore[arg-type]
    link.send(bytearray(b"order"))
    assert wrote == [b"order"]


async def test_progress_of_a_load_is_told() -> None:
    told: list[float] = []
    runner = await Runner.start(load(), progress=told.append)
    await runner.stop()
    assert told == [0.25]


async def test_a_prompt_of_five_megabytes_arrives_whole(start: Start) -> None:
    runner = await start(load(size=1_000_000))
    text = "☃ and more\n" * 400_000
    assert len(text.encode()) > 5_000_000
    assert await read(await runner.submit(Job((Segment("say "), Segment(text, markup=False))))) == text


async def test_a_prompt_that_no_frame_holds_is_too_long_and_harms_nobody(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "LIMIT", 1000)
    with pytest.raises(TooLong, match="too large"):
        await ask(runner, "say " + "x" * 1000)
    assert await ask(runner, "say hello") == "hello"


@pytest.mark.parametrize("wrong", ["\ud83d", 2**70])
async def test_a_value_that_json_can_spell_and_no_engine_can_read_is_the_clients_fault(
    runner: Runner, wrong: str | int
) -> None:
    bad = Job((Segment(wrong),)) if isinstance(wrong, str) else Job((Segment("say x"),), max_tokens=wrong)
    with pytest.raises(BadRequest, match="cannot be processed"):
        await runner.submit(bad)
    assert await ask(runner, "say hello") == "hello"


async def test_a_refused_job_keeps_the_engines_words_and_harms_nobody(runner: Runner) -> None:
    other = await runner.submit(job("endless"))
    with pytest.raises(BadRequest) as refused:
        await runner.submit(job("refuse"))
    error = refused.value
    assert (error.message, error.param, error.code) == (
        "the grammar does not compile",
        "tools.0.function",
        "bad_grammar",
    )
    with pytest.raises(TooLong) as too_long:
        await runner.submit(job("too long"))
    assert (too_long.value.param, too_long.value.code) == ("messages", "context_length_exceeded")
    assert (await anext(other)).data == b"."
    await other.aclose()


async def test_a_job_that_fails_raises_by_fault_after_its_pieces(runner: Runner) -> None:
    for order, kind in (("fail client", BadRequest), ("fail engine", EngineError)):
        ticket = await runner.submit(job(order))
        assert (await anext(ticket)).data == b"so far"
        with pytest.raises(kind, match="it failed"):
            await anext(ticket)
        assert [piece async for piece in ticket] == []


async def test_leaving_a_ticket_frees_its_job_while_another_streams(runner: Runner) -> None:
    stays, leaves = await runner.submit(job("endless")), await runner.submit(job("endless"))
    assert await ask(runner, "count") == "2"
    await leaves.aclose()
    assert await ask(runner, "count") == "1"
    assert [piece async for piece in leaves] == []
    assert (await anext(stays)).data == b"."
    await stays.aclose()
    assert await ask(runner, "count") == "0"


async def test_leaving_twice_or_after_the_end_orders_nothing(runner: Runner) -> None:
    ticket = await runner.submit(job("say hello"))
    assert await read(ticket) == "hello"
    await ticket.aclose()
    await ticket.aclose()
    assert await ask(runner, "count") == "0"


async def test_the_end_of_a_with_block_frees_the_job(runner: Runner) -> None:
    async with await runner.submit(job("endless")) as ticket:
        await anext(ticket)
    assert await ask(runner, "count") == "0"


async def test_cancelling_a_reader_frees_its_job(runner: Runner) -> None:
    ticket = await runner.submit(job("endless"))
    reader = asyncio.create_task(read(ticket))
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert await ask(runner, "count") == "0"


async def test_a_reader_is_told_when_another_task_leaves_its_ticket(runner: Runner, tmp_path: Path) -> None:
    file = tmp_path / "held"
    file.touch()
    ticket = await runner.submit(job(f"hold {file}"))
    reader = asyncio.create_task(read(ticket))
    await asyncio.sleep(0)
    await ticket.aclose()
    with pytest.raises(EngineError, match="left"):
        await reader
    file.unlink()


async def test_a_client_that_leaves_before_admission_frees_its_job(runner: Runner, tmp_path: Path) -> None:
    file = tmp_path / "held"
    file.touch()
    holding = await runner.submit(job(f"hold {file}"))  # the engine takes no order while this steps
    submission = asyncio.create_task(runner.submit(job("endless")))
    await asyncio.sleep(0)
    assert not submission.done()
    submission.cancel()
    with pytest.raises(asyncio.CancelledError):
        await submission
    assert list(runner.tickets) == [holding.number]
    file.unlink()
    assert await read(holding) == "held"
    assert await ask(runner, "count") == "0"


async def test_a_ticket_that_nobody_reads_holds_up_nobody(start: Start) -> None:
    runner = await start(load(size=1))
    unread = await runner.submit(job("say " + "x" * 20_000))
    assert await ask(runner, "say hello") == "hello"
    await eventually(lambda: unread.number not in runner.tickets)
    assert await read(unread) == "x" * 20_000


async def test_stopping_fails_the_jobs_and_leaves_no_process(runner: Runner) -> None:
    ticket = await runner.submit(job("endless"))
    await runner.stop()
    assert not runner.alive
    assert gone(runner.pid)
    with pytest.raises(EngineError, match="stopped"):
        await read(ticket)
    with pytest.raises(EngineError, match="stopped"):
        await runner.submit(job("say hello"))


async def test_stopping_may_be_repeated_and_concurrent(runner: Runner) -> None:
    await asyncio.gather(runner.stop(), runner.stop())
    await runner.stop()
    assert gone(runner.pid)


async def test_a_runner_that_does_not_listen_is_stopped_all_the_same(runner: Runner, tmp_path: Path) -> None:
    file = tmp_path / "held"
    file.touch()
    ticket = await runner.submit(job(f"hold {file}"))
    await runner.stop(grace=0.01)
    assert gone(runner.pid)
    with pytest.raises(EngineError, match="stopped"):
        await read(ticket)


async def test_a_stop_that_is_cancelled_still_ends_the_process(runner: Runner, tmp_path: Path) -> None:
    file = tmp_path / "held"
    file.touch()
    await runner.submit(job(f"hold {file}"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(runner.stop(), 0.01)
    await eventually(lambda: gone(runner.pid))


async def test_a_retired_runner_finishes_its_jobs_first(runner: Runner) -> None:
    first, second = await runner.submit(job("endless")), await runner.submit(job("endless"))
    retirement = asyncio.create_task(runner.retire())
    await first.aclose()
    assert (await anext(second)).data == b"."
    assert runner.alive
    assert not retirement.done()
    await second.aclose()
    await retirement
    assert gone(runner.pid)


async def test_an_interrupt_from_the_terminal_does_not_end_the_runner(runner: Runner) -> None:
    os.kill(runner.pid, signal.SIGINT)
    assert await ask(runner, "say hello") == "hello"


async def test_what_an_engine_prints_goes_to_the_servers_output(
    start: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    runner = await start(load("noisy"))
    assert await ask(runner, "say hello") == "hello"
    assert "noise on stdout" in capfd.readouterr().out


async def test_a_runner_imports_nothing_heavy_that_its_engine_does_not(runner: Runner) -> None:
    assert await ask(runner, "imports") == ""


async def test_a_file_in_the_working_directory_does_not_pass_for_a_module(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    assert await ask(await start(), "say hello") == "hello"


async def test_a_text_is_cut_and_a_vector_made_while_a_reply_goes_on(start: Start) -> None:
    runner = await start(Load("", engine="scripted", extra={"replies": ["on and " * 1000], "size": 1, "delay": 0.001}))
    reply = await runner.submit(job("hello"))
    assert (await runner.tokenize((Segment("é"),), whole=True)).tokens == (0xC3, 0xA9)
    [vector] = [piece async for piece in await runner.submit(Job((Segment("é"),), embed=True))]
    assert (len(vector.data), vector.finish, vector.usage) == (64, "stop", Usage(prompt=2))
    assert list(runner.tickets) == [reply.number]


async def test_a_token_that_there_is_not_is_refused_and_harms_nobody(start: Start) -> None:
    runner = await start(Load("", engine="scripted", extra={"replies": ["hello"]}))
    with pytest.raises(BadRequest, match="no token 256"):
        await runner.tokenize((Segment(tokens=(256,)),), whole=False)
    with pytest.raises(BadRequest, match="cannot be processed"):
        await runner.tokenize((Segment(tokens=(2**70,)),), whole=False)
    assert not runner.tickets
    assert await ask(runner, "hi") == "hello"
