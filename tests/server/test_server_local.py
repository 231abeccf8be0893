"""The whole way of a request with every part real but the weights: store, plan, runner, parser, server."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import talker
from openai import OpenAI
from played import Serving, wait_until

from cortex.models.store import Store
from cortex.server.local import LocalService

HI: Any = [{"role": "user", "content": "Hi"}]
DATE: Any = {
    "type": "function",
    "function": {
        "name": "get_delivery_date",
        "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
    },
}
CALL = '<tool_call>\n{"name": "get_delivery_date", "arguments": {"order_id": "order_70705"}}\n</tool_call>'

Local = Serving[LocalService]


def test_a_call_is_the_same_streamed_and_whole(client: OpenAI, store: Store) -> None:
    talker.add(store, "caller", replies=[CALL], repeat=True, size=3)
    whole = client.chat.completions.create(model="caller", messages=HI, tools=[DATE])
    with client.chat.completions.stream(model="caller", messages=HI, tools=[DATE]) as stream:
        for _ in stream:
            pass
        streamed = stream.get_final_completion()
    for reply in (whole, streamed):
        choice = reply.choices[0]
        assert choice.finish_reason == "tool_calls"
        assert choice.message.content is None
        assert choice.message.tool_calls is not None
        (call,) = choice.message.tool_calls
        assert call.type == "function"
        assert (call.function.name, call.function.arguments) == ("get_delivery_date", '{"order_id": "order_70705"}')
        assert call.id.startswith("call_")
    assert whole.usage is not None
    assert whole.usage.completion_tokens == len(CALL)


ODD: Any = {"name": "odd", "parameters": {"properties": {"a": {"not": {"minimum": 3}}}}}
PATH = "tools.1.function.parameters.properties.a.not"


def test_what_of_a_schema_is_not_enforced_is_told_streamed_and_whole(
    local: Local, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    talker.add(store, "caller", replies=[CALL], repeat=True)
    asked: Any = {"model": "caller", "messages": HI, "tools": [DATE, {"type": "function", "function": ODD}]}
    whole = httpx.post(f"{local.url}/v1/chat/completions", json=asked)
    assert whole.json()["cortex"]["warnings"] == [f"{PATH}: not enforced"]
    streamed = httpx.post(f"{local.url}/v1/chat/completions", json=asked | {"stream": True})
    assert f"{PATH}: not enforced" in streamed.text.splitlines()[0]
    assert sum(PATH in record.getMessage() for record in caplog.records) == 2


def test_a_strict_tool_that_cannot_be_enforced_is_refused_with_the_path_of_the_keyword(
    local: Local, store: Store
) -> None:
    talker.add(store, "caller", replies=[CALL], repeat=True)
    asked: Any = {
        "model": "caller",
        "messages": HI,
        "tools": [DATE, {"type": "function", "function": ODD | {"strict": True}}],
    }
    reply = httpx.post(f"{local.url}/v1/chat/completions", json=asked)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, PATH)


def test_a_request_may_name_another_dialect(client: OpenAI, store: Store) -> None:
    said = "[TOOL_CALLS]get_delivery_date[ARGS]" + '{"order_id": "order_70705"}'
    talker.add(store, "m", replies=[said], repeat=True)
    asked: Any = {"model": "m", "messages": HI, "tools": [DATE]}
    (call,) = (
        client.chat.completions.create(**asked, extra_body={"dialect": "mistral-v11"}).choices[0].message.tool_calls
        or ()
    )
    assert call.type == "function"
    assert call.function.arguments == '{"order_id": "order_70705"}'
    with pytest.raises(openai.BadRequestError, match="There is no dialect 'klingon'") as refused:
        client.chat.completions.create(**asked, extra_body={"dialect": "klingon"})
    assert refused.value.param == "dialect"


def test_the_fingerprint_stays_until_the_model_changes(client: OpenAI, store: Store) -> None:
    def fingerprint() -> str | None:
        return client.chat.completions.create(model="m", messages=HI).system_fingerprint

    talker.add(store, "m", replies=["a"], repeat=True)
    first = fingerprint()
    assert first is not None
    assert fingerprint() == first
    talker.add(store, "m", replies=["another"], repeat=True)
    assert fingerprint() != first


def test_what_cannot_be_obeyed_is_refused_before_anything_is_loaded(client: OpenAI, store: Store, local: Local) -> None:
    talker.add(store, "m", replies=["a"])
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="m", messages=HI, tools=[tool], stream=True)
    assert caught.value.param is not None
    assert caught.value.param.startswith("tools.0.function.parameters")
    assert httpx.get(f"{local.url}/inferences/server/models").json()["data"] == []


def test_a_prompt_that_is_too_long_is_refused(client: OpenAI, store: Store, local: Local) -> None:
    talker.add(store, "m", replies=["a"])
    httpx.post(f"{local.url}/v1/models/start", json={"model": "m", "ctx_len": 64}).raise_for_status()
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x" * 200}])
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")


def test_a_model_is_started_listed_and_stopped(store: Store, local: Local) -> None:
    talker.add(store, "m", replies=["a"])
    with httpx.Client(base_url=local.url, timeout=30) as http:
        assert http.post("/v1/models/start", json={"model": "m"}).json() == {"message": "Started successfully!"}
        assert http.get("/v1/models/status/m").json() == {"message": "Model is running"}
        (row,) = http.get("/inferences/server/models").json()["data"]
        assert row["id"] == "m"
        assert row["uptime"] >= 0
        assert http.post("/v1/models/stop", json={"model": "m"}).json() == {"message": "Stopped successfully!"}
        assert http.get("/v1/models/status/m").status_code == 400
        assert http.post("/v1/models/stop", json={"model": "m"}).status_code == 400


def test_a_model_that_cannot_be_loaded_says_why(client: OpenAI, store: Store) -> None:
    talker.add(store, "m", load_error="the file is broken: pull it again")
    with pytest.raises(openai.InternalServerError, match="pull it again") as caught:
        client.chat.completions.create(model="m", messages=HI)
    assert caught.value.status_code == 503


def test_a_runner_that_dies_in_mid_stream_ends_that_stream_only(client: OpenAI, store: Store) -> None:
    talker.add(store, "bad", replies=["Hello there"] * 9, size=2, abort_after=3)
    talker.add(store, "good", replies=["Hello"], repeat=True)
    for _ in range(2):  # the second time in a new runner
        stream = client.chat.completions.create(model="bad", messages=HI, stream=True)
        with pytest.raises(openai.APIError, match="SIGABRT"):
            list(stream)
    with pytest.raises(openai.InternalServerError, match="SIGABRT"):
        client.chat.completions.create(model="bad", messages=HI)
    assert client.chat.completions.create(model="good", messages=HI).choices[0].message.content == "Hello"


@pytest.mark.parametrize("how", ["stream", "whole"])
async def test_leaving_cancels_the_job_in_the_engine(store: Store, local: Local, tmp_path: Path, how: str) -> None:
    record = tmp_path / "record"
    talker.add(store, "m", replies=["on and on " * 5000], size=1, delay=0.01, record=str(record))
    sent = {"model": "m", "messages": HI, "stream": how == "stream"}
    async with httpx.AsyncClient(base_url=local.url, timeout=60) as http:
        task = asyncio.create_task(http.post("/v1/chat/completions", json=sent))
        await asyncio.to_thread(wait_until, lambda: record.exists() and "step" in record.read_text())
        task.cancel()
        await asyncio.wait([task])
    await asyncio.to_thread(wait_until, lambda: "cancel" in record.read_text())
    assert "end" not in record.read_text()


def test_stop_strings_of_the_request_end_the_text(client: OpenAI, store: Store) -> None:
    talker.add(store, "m", replies=["one two three"])
    reply = client.chat.completions.create(model="m", messages=HI, stop=["two"])
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("one ", "stop")


# -- the process -------------------------------------------------------------------------------------------------------


def test_the_process_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = started(tmp_path, port)
    try:
        wait_until(lambda: alive(port) or process.poll() is not None)
        assert httpx.get(f"http://127.0.0.1:{port}/v1/models").json()["data"] == []
        second = started(tmp_path, port)
        assert second.communicate(timeout=60)[0].decode().strip().endswith("Choose another --host or --port.")
        assert second.returncode == 1
        httpx.delete(f"http://127.0.0.1:{port}/processManager/destroy").raise_for_status()
        output = process.communicate(timeout=60)[0].decode()
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, output
    assert f"Host: 127.0.0.1 Port: {port}" in output
    assert "GET /v1/models 200" in output


def started(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [
        *(sys.executable, "-m", "cortex.server", "--port", str(port), "--host", "127.0.0.1"),
        *("--data_folder_path", str(folder / "data"), "--config_file_path", str(folder / ".cortexrc")),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def alive(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--port", "70000"], "port"),
        (["--host", "no.such.host.invalid"], "cannot listen at no.such.host.invalid"),
        (["--keep_alive", "soon"], "--keep_alive must be a time such as 90s, 30m or 2h, or off, not 'soon'"),
        (["--memory_budget", "many"], "--memory_budget must be a size"),
    ],
)
def test_what_it_cannot_listen_at_is_one_line(tmp_path: Path, given: list[str], says: str) -> None:
    command = [sys.executable, "-m", "cortex.server", "--data_folder_path", str(tmp_path), *given]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert says in line
