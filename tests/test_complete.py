"""Where both halves meet: a plan goes to a runner, events come back. With the scripted engine in its own process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import pytest

from cortex.complete import Choices, complete, several
from cortex.core.chat import Chat, Choice, Sampling, Tool, User
from cortex.core.errors import BadRequest
from cortex.core.events import CallBegin, Done, Event, Reply, Text, fold
from cortex.core.load import Load
from cortex.core.plan import Plan, another, plan
from cortex.core.profile import Profile
from cortex.dialects import find
from cortex.runner.parent import Runner

PROFILE = Profile("m", "{{ messages[0].content }}", find("hermes"), {})
TOOL = Tool("get", parameters={"properties": {"q": {"type": "string"}}})
CALL = PROFILE.dialect.write([("get", {"q": "été 🌍"}), ("get", {"q": "END"})])


def planned(text: str = "Hi", **options: object) -> Plan:
    options = {"sampling": Sampling(temperature=0), **options}
    chat = Chat((User(text),), (TOOL,), **options)
    return plan(chat, PROFILE, datetime(2026, 1, 1))


async def played(runner: Runner, **options: object) -> Sequence[Event]:
    return [event async for event in await complete(planned(**options), runner)]


@pytest.fixture(params=[1, 3, 1000])
async def runner(request: pytest.FixtureRequest) -> AsyncIterator[Runner]:
    replies = [f"Voilà — {CALL}", "Some words, END and more"]
    script = {"replies": replies, "size": request.param, "refuse": "REFUSE"}
    runner = await Runner.start(Load("", "scripted", extra=script))
    yield runner
    await runner.stop()


async def test_bytes_become_events_however_they_are_cut(runner: Runner) -> None:
    reply: Reply = fold(await played(runner, stop=("END",)))
    assert (reply.text, reply.finish_reason) == ("Voilà —", "tool_calls")
    assert [call.arguments for call in reply.calls] == ['{"q": "été 🌍"}', '{"q": "END"}']
    assert len({call.id for call in reply.calls}) == 2
    assert all(call.id.startswith("call_") for call in reply.calls)
    assert reply.usage.completion == len(f"Voilà — {CALL}".encode())


async def test_a_stop_string_ends_the_text_and_the_job_and_is_counted(runner: Runner) -> None:
    await played(runner)
    events = await played(runner, stop=("END",))
    assert fold(events).text == "Some words, "
    assert isinstance(events[-1], Done)
    assert events[-1].finish == "stop"
    assert events[-1].usage.prompt > 0
    assert events[-1].usage.completion >= len("Some words, END")
    assert not runner.tickets


@pytest.mark.parametrize(
    ("thoughts", "text", "reasoning"),
    [
        ("apart", "Yes.", "Hm."),
        ("inside", "<think>\nHm.\n</think>\n\nYes.", ""),
        ("both", "<think>\nHm.\n</think>\n\nYes.", "Hm."),
    ],
)
async def test_a_thought_goes_where_the_client_wants_it_and_is_counted(
    thoughts: Literal["apart", "inside", "both"], text: str, reasoning: str
) -> None:
    thinking = replace(PROFILE, template=PROFILE.template + "{# <think> #}")
    runner = await Runner.start(Load("", "scripted", extra={"replies": ["<think>\nHm.\n</think>\n\nYes."], "size": 3}))
    asked = plan(Chat((User("Hi"),), thoughts=thoughts), thinking, datetime(2026, 1, 1))
    reply = fold([event async for event in await complete(asked, runner)])
    await runner.stop()
    assert (reply.text, reply.reasoning) == (text, reasoning)
    assert 0 < reply.usage.reasoning < reply.usage.completion


async def test_a_cut_reply_says_so_and_leaves_its_call_open(runner: Runner) -> None:
    reply = fold(await played(runner, max_tokens=len("Voilà — ".encode()) + 46))
    assert reply.finish_reason == "length"
    assert [call.complete for call in reply.calls] == [False]


async def test_what_is_refused_is_refused_before_any_event(runner: Runner) -> None:
    with pytest.raises(BadRequest):
        await complete(planned("REFUSE"), runner)
    assert not runner.tickets


@pytest.mark.parametrize("begun", [True, False])
async def test_a_client_that_leaves_frees_its_job_even_before_the_first_event(begun: bool) -> None:
    runner = await Runner.start(Load("", "scripted", extra={"replies": ["on and " * 1000], "size": 1, "delay": 0.001}))
    events = await complete(planned(), runner)
    assert runner.tickets
    if begun:
        assert isinstance(await anext(events), Text | CallBegin)
    await events.aclose()
    assert not runner.tickets
    await runner.stop()


async def test_without_a_choice_calls_in_the_reply_are_text(runner: Runner) -> None:
    assert fold(await played(runner, choice=Choice("none"))).text == f"Voilà — {CALL}"


async def numbered(runner: Runner, count: int, **options: object) -> list[Reply]:
    choices = Choices(await several(planned(**options), runner, count))
    replies = [Reply() for _ in range(count)]
    async with aclosing(choices):
        async for number, event in choices.events():
            replies[number].add(event)
    return replies


async def test_where_a_grammar_does_not_compile_the_field_at_fault_is_named() -> None:
    runner = await Runner.start(Load("", "scripted", extra={"replies": ["x"], "repeat": True, "check": True}))
    free = plan(Chat((User("Hi"),), grammar="start: nonsense"), PROFILE, datetime(2026, 1, 1))
    with pytest.raises(BadRequest, match="nonsense") as caught:
        await complete(free, runner)
    assert (caught.value.param, caught.value.code) == ("grammar", "invalid_grammar")
    assert not runner.tickets
    await runner.stop()


async def test_several_replies_come_side_by_side_after_the_first_has_begun(tmp_path: Path) -> None:
    script = {"replies": ["one", "two", "three"], "size": 1, "record": str(tmp_path / "record")}
    runner = await Runner.start(Load("", "scripted", extra=script))
    replies = await numbered(runner, 3)
    assert sorted(reply.text for reply in replies) == ["one", "three", "two"]
    assert replies[0].text == "one"
    assert all(reply.finish == "stop" for reply in replies)
    record = (tmp_path / "record").read_text().split("\n")
    assert record.index("step") < record.index("submit 1")
    await runner.stop()


async def test_a_reply_that_fails_ends_all_of_them() -> None:
    runner = await Runner.start(Load("", "scripted", extra={"replies": ["only one"], "size": 1}))
    with pytest.raises(BadRequest, match="1 replies"):
        await numbered(runner, 2)
    assert not runner.tickets
    await runner.stop()


async def test_several_replies_are_left_together_at_any_time() -> None:
    runner = await Runner.start(Load("", "scripted", extra={"replies": ["x" * 10_000], "repeat": True, "size": 1}))
    for seen in (0, 1, 9):
        choices = Choices(await several(planned(), runner, 3))
        events = choices.events()
        for _ in range(seen):
            await anext(events)
        await choices.aclose()
        assert not runner.tickets
    await runner.stop()


def test_each_reply_draws_with_a_seed_of_its_own() -> None:
    given = planned(sampling=Sampling(seed=5))
    assert [another(given, number).job.sampling.seed for number in (0, 1, 2)] == [5, 6, 7]
    assert another(planned(), 1).job.sampling == planned().job.sampling


@pytest.mark.model
async def test_the_prompt_of_several_replies_is_computed_once(smollm2: Path) -> None:
    runner = await Runner.start(Load(str(smollm2), context=512, parallel=4))
    asked = {"text": "Tell me of the sea. " * 9, "max_tokens": 4, "sampling": Sampling(temperature=1, seed=1)}
    first, *others = await numbered(runner, 4, **asked)
    assert first.usage.cached < 9
    assert all(reply.usage.cached >= reply.usage.prompt - 1 for reply in others)
    assert len({reply.text for reply in (first, *others)}) > 1
    await runner.stop()
