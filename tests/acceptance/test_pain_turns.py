"""Pain points 5, 18, 21, 23, 26 and 27: histories, answers that follow a schema, run-ons, clients that leave."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import httpx
import pytest
from acting import ASK, Stage, called, takes, tool
from played import wait_until

from cortex.server.wire import chat as wire

CITY = tool("weather", takes(city={"type": "string"}))
ULM = called(("weather", {"city": "Ulm"}))


def turns(arguments: Any, **more: Any) -> list[Any]:
    """A conversation in which a call was made with these arguments."""
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": arguments}}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "rain"}
    return [*ASK, {"role": "assistant", "content": None, "tool_calls": [call], **more}, result]


# -- 5, 18: what stands in a history -----------------------------------------------------------------------------------


BROKEN = ["{'a': 1}", '{"a":1', "", "[1]", "null", None, {"city": "Ulm"}, "{}{}", "\0", '"x"']


@pytest.mark.parametrize("arguments", BROKEN, ids=repr)
@pytest.mark.parametrize("dialect", ["hermes", "fallback", "qwen3-coder", "llama-pythonic"])
def test_broken_arguments_in_a_history_are_no_error(stage: Stage, arguments: Any, dialect: str) -> None:
    """5, ggml-org/llama.cpp#22072: HTTP 500 in the next turn, and in every turn after it."""
    reply = stage.post(stage.playing("It rains."), messages=turns(arguments), tools=[CITY], dialect=dialect)
    assert (reply.status_code, reply.json()["choices"][0]["message"]["content"]) == (200, "It rains.")


def test_arguments_as_text_and_as_an_object_are_the_same_history() -> None:
    """18, QwenLM/Qwen3#1894: templates that want the one, and clients that send the other."""
    text, given = (wire.read({"model": "m", "messages": turns(one)}) for one in ('{"city": "Ulm"}', {"city": "Ulm"}))
    assert text.chat == given.chat


# -- 21: an answer that follows a schema, and tools --------------------------------------------------------------------

FORMAT = {"type": "json_schema", "json_schema": {"name": "w", "schema": takes(sky={"enum": ["grey", "blue"]})}}


def test_a_call_comes_first_and_then_an_answer_that_follows_the_schema(stage: Stage) -> None:
    """21, vllm-project/vllm#39929: with a schema no call was possible, and the answer was invented."""
    asked = {"tools": [CITY], "response_format": FORMAT}
    assert stage.says(ULM, **asked).whole == [("weather", {"city": "Ulm"})]
    answered = stage.says('{"sky": "grey"}', messages=turns('{"city": "Ulm"}'), **asked)
    assert (answered.content, answered.finish, answered.calls) == ('{"sky": "grey"}', "stop", [])
    assert stage.cannot_say("It is grey.", **asked)
    assert stage.cannot_say('{"sky": "green"}', **asked)


# -- 23: replies without end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        ULM.replace(": ", ": \t\t\t\t"),
        ULM.replace('{"city"', '{\n\n\n\n"city"'),
        ULM.replace('"Ulm"}', '"Ulm"' + " " * 50 + "}"),
        ULM.replace('"Ulm"', '"Ulm", "city": "Ulm"'),
        ULM + ULM,
        ULM.replace("</tool_call>", "</tool_call>" * 3),
    ],
)
def test_a_call_has_no_room_to_run_on(stage: Stage, reply: str) -> None:
    """23, sgl-project/sglang#27336, vllm-project/vllm#49228: tabs, parameters and calls without end."""
    assert stage.cannot_say(reply, tools=[CITY], tool_choice="required", parallel_tool_calls=False)


@pytest.mark.parametrize("reply", ['{"sky":' + "\n" * 30 + ' "grey"}', '{"sky": "grey"}' + "\n" * 30])
def test_an_answer_of_json_has_no_room_to_run_on(stage: Stage, reply: str) -> None:
    """23: the white space that JSON allows anywhere."""
    assert stage.cannot_say(reply, response_format=FORMAT)


AGAIN = [(ULM, 1), (ULM + ULM.replace("Ulm", "Bonn"), 2)]


@pytest.mark.parametrize(("round_", "each"), AGAIN)
def test_the_same_call_again_and_again_ends_the_reply(stage: Stage, tmp_path: Path, round_: str, each: int) -> None:
    """23, lijunzh/koda#826, artokun/comfyui-mcp#153: the same call until the tokens run out."""
    record = tmp_path / "record"
    model = stage.model(round_ * 100, record=str(record), size=20, delay=0.01)
    reply = stage.ask(model, tools=[CITY])
    assert reply.finish == "tool_calls"
    assert len(reply.calls) == 4 * each
    assert reply.calls == reply.calls[:each] * 4
    wait_until(lambda: record.read_text().count("cancel") == 2)
    assert "end" not in record.read_text(), "neither reply was computed to its end"
    few = stage.says(round_ * 3, tools=[CITY])
    assert (len(few.calls), few.finish) == (3 * each, "tool_calls")


# -- 26: conversations that templates refuse ---------------------------------------------------------------------------

PICKY = """
{%- for message in messages %}
{%- if message.role == 'system' and not loop.first %}{{ raise_exception('System message must be first') }}{% endif %}
{%- if message.role == 'user' and loop.previtem is defined and loop.previtem.role == 'user' %}
{{- raise_exception('roles must alternate') }}{% endif %}
{%- if message.role == 'developer' %}{{ raise_exception('unknown role') }}{% endif %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if not (messages | selectattr('role', 'equalto', 'user') | list) %}{{ raise_exception('No user query') }}{% endif %}
{%- if add_generation_prompt %}<|im_start|>assistant{{ '\\n' }}{% endif %}"""


def spoken(*roles: str) -> list[Any]:
    return [{"role": role, "content": f"word{number}"} for number, role in enumerate(roles)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "roles",
    [
        ("system", "system", "user"),
        ("user", "assistant", "system", "user"),
        ("developer", "user"),
        ("assistant", "user"),
        ("user", "user"),
        ("user", "assistant", "assistant", "user"),
        ("system",),
        ("user", "system"),
    ],
)
def test_a_conversation_that_the_template_refuses_is_put_right(stage: Stage, roles: tuple[str, ...]) -> None:
    """26, ggml-org/llama.cpp#20733, #19851: a 500 with the template's words. No word of it gets lost."""
    lost = stage.model("Hi.", template=PICKY, refuse="no such word")
    assert stage.post(lost, messages=spoken(*roles)).status_code == 200
    for number in range(len(roles)):
        refusing = stage.model("Hi.", template=PICKY, refuse=f"word{number}")
        reply = stage.post(refusing, messages=spoken(*roles))
        assert (reply.status_code, f"word{number}" in reply.text) == (400, True)  # so the prompt has it
        stage.http.post("/v1/models/stop", json={"model": refusing})


# -- 27: clients that leave --------------------------------------------------------------------------------------------


def count(record: Path, event: str) -> int:
    lines = record.read_text().splitlines() if record.exists() else []
    return sum(line.startswith(event) for line in lines)


async def test_a_client_that_leaves_while_it_waits_its_turn_is_never_served(stage: Stage, tmp_path: Path) -> None:
    """27, ggml-org/llama.cpp#24496: it was computed when its turn came, for nobody."""
    record = tmp_path / "record"
    model = stage.model("on and on " * 10_000, size=1, delay=0.01, record=str(record))
    async with httpx.AsyncClient(base_url=stage.serving.url, timeout=60) as http:
        sent = {"model": model, "messages": ASK}
        running = [asyncio.create_task(http.post("/v1/chat/completions", json=sent)) for _ in range(6)]
        await asyncio.to_thread(wait_until, lambda: count(record, "submit") == 6)
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await asyncio.to_thread(wait_until, lambda: count(record, "cancel") == 6)
    assert count(record, "end") == 0


async def test_fifty_clients_leave_at_any_moment_and_a_neighbour_hears_nothing_of_it(
    stage: Stage, tmp_path: Path
) -> None:
    """27, ggml-org/llama.cpp#13262, ikawrakow/ik_llama.cpp#1929, BerriAI/litellm#37140: it stopped the neighbour."""
    record, story = tmp_path / "record", "once upon a time " * 2000
    model = stage.model(story, size=3, record=str(record))
    draw = random.Random(27)
    async with httpx.AsyncClient(base_url=stage.serving.url, timeout=60) as http:
        ways = {"/v1/chat/completions": {"messages": ASK}, "/v1/responses": {"input": ASK}}
        asked = [(path, {"model": model, **sent}) for path, sent in ways.items()]
        neighbour = asyncio.create_task(http.post(asked[0][0], json=asked[0][1]))
        await asyncio.to_thread(wait_until, lambda: count(record, "submit") == 1)
        for number in range(50):
            await leave(http, *asked[number % 2], stream=number % 3 > 0, bytes=draw.choice((0, 1, 200, 3000, 30_000)))
            await asyncio.to_thread(wait_until, lambda: count(record, "submit") == ended(record) + is_open(neighbour))
        reply = await neighbour
    assert reply.json()["choices"][0]["message"]["content"] == story
    await asyncio.to_thread(wait_until, lambda: count(record, "submit") == ended(record))


async def leave(http: httpx.AsyncClient, path: str, sent: Any, *, stream: bool, bytes: int) -> None:
    """Ask, and leave after so many bytes of a stream; a whole answer is left before it comes."""
    if not stream:
        task = asyncio.create_task(http.post(path, json=sent))
        await asyncio.sleep(bytes / 1_000_000)
        task.cancel()
        await asyncio.wait([task])
        return
    async with http.stream("POST", path, json={**sent, "stream": True}) as reply:
        seen = 0
        async for part in reply.aiter_bytes():
            seen += len(part)
            if seen >= bytes:
                break


def ended(record: Path) -> int:
    return count(record, "cancel") + count(record, "end")


def is_open(task: asyncio.Task[Any]) -> int:
    return 0 if task.done() else 1
