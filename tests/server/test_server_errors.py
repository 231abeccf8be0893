"""Every error that is about the request's way here, not about what it asks: OpenAI's words, and when to come back."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import talker
from played import PlayedService, Serving, serving, wait_until

from cortex import config
from cortex.config import Flags
from cortex.core.errors import Busy, Crowded, LoadError, NoRoom
from cortex.models.store import Store
from cortex.server.local import LocalService
from cortex.server.site import Options
from cortex.server.wire import docs

CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]
OURS = Options(origins=("http://page",))


def error(reply: httpx.Response) -> dict[str, Any]:
    assert reply.headers["x-request-id"]
    docs.ErrorReply.model_validate(reply.json())
    return dict(reply.json()["error"])


def asking(model: str = "words", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": HI, **more}


# -- when to come back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "status", "kind", "code", "again"),
    [
        (Busy("shutting down"), 503, "server_error", "busy", "5"),
        (Crowded("too many wait"), 429, "requests", "rate_limit_exceeded", "5"),
        (NoRoom("2 GB are needed and 1 GB is free"), 503, "server_error", "insufficient_memory", "30"),
        (LoadError("the file is broken"), 503, "server_error", "model_load_failed", None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_may_succeed_later_says_when_and_nothing_else_is_tried_again(
    server: Serving[PlayedService],
    failure: Exception,
    status: int,
    kind: str,
    code: str,
    again: str | None,
    stream: bool,
) -> None:
    server.service.failures["words"] = failure
    reply = httpx.post(server.url + CHAT, json=asking(stream=stream))
    said = error(reply)
    assert (reply.status_code, said["type"], said["code"]) == (status, kind, code)
    assert reply.headers.get("retry-after") == again
    assert reply.headers.get("x-should-retry") == (None if again else "false")


# -- bodies that do not arrive -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("configured", [False, True])
def test_a_body_that_does_not_arrive_in_time_is_given_up_and_the_connection_closed(
    service: PlayedService, configured: bool
) -> None:
    with serving(service, Options() if configured else Options(patience=0.05)) as server:
        if configured:
            assert httpx.patch(f"{server.url}/v1/configs", json={"request_timeout": "1s"}).status_code == 200
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as line:
            line.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 50\r\n\r\n".encode() + b'{"model":')
            said = b"".join(iter(lambda: line.recv(4096), b""))  # until the server closes
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"x-request-id: " in head
    assert json.loads(body)["error"]["code"] == "request_timeout"
    assert service.asked == []


def test_the_connection_of_a_body_that_is_too_large_is_closed(service: PlayedService) -> None:
    with serving(service, Options(max_body=1000)) as server:
        reply = httpx.post(server.url + CHAT, json=asking(user="x" * 5000))
    assert (reply.status_code, reply.headers["connection"]) == (413, "close")


# -- web pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://other", "https://page", "http://page:81", "null", ""])
def test_a_page_that_is_not_allowed_to_ask_changes_nothing(service: PlayedService, origin: str) -> None:
    """A browser sends a form's text without asking first."""
    with serving(service, OURS) as server:
        headers = {"origin": origin, "content-type": "text/plain"}
        reply = httpx.post(server.url + "/v1/models/start", content=b'{"model": "words"}', headers=headers)
    said = error(reply)
    assert (reply.status_code, said["type"], said["code"]) == (403, "request_forbidden", "origin_not_allowed")
    assert "access-control-allow-origin" not in reply.headers
    assert service.loaded == []


@pytest.mark.parametrize("origin", [None, "http://page"])
def test_programs_and_pages_that_are_allowed_may_ask(service: PlayedService, origin: str | None) -> None:
    with serving(service, OURS) as server:
        reply = httpx.post(server.url + CHAT, json=asking(), headers={"origin": origin} if origin else {})
    assert reply.status_code == 200


def test_the_servers_own_page_may_ask(service: PlayedService) -> None:
    with serving(service, OURS) as server:
        assert httpx.post(server.url + CHAT, json=asking(), headers={"origin": server.url}).status_code == 200


def preflight(url: str, origin: str) -> httpx.Response:
    return httpx.options(url + CHAT, headers={"origin": origin, "access-control-request-method": "POST"})


def test_a_browser_that_asks_first_gets_an_answer_with_an_id(service: PlayedService) -> None:
    with serving(service, OURS) as server:
        allowed, other = preflight(server.url, "http://page"), preflight(server.url, "http://other")
    assert (allowed.status_code, other.status_code) == (200, 403)
    assert allowed.headers["x-request-id"]
    assert error(other)["code"] == "origin_not_allowed"


def test_a_page_sees_why_its_request_failed_even_where_the_fault_is_ours(service: PlayedService) -> None:
    service.failures["words"] = ZeroDivisionError("a bug")
    with serving(service, OURS) as server:
        reply = httpx.post(server.url + CHAT, json=asking(), headers={"origin": "http://page"})
    assert (reply.status_code, error(reply)["code"]) == (500, "internal_error")
    assert reply.headers["access-control-allow-origin"] == "http://page"


# -- a line that is too long -------------------------------------------------------------------------------------------


@pytest.fixture
def local(store: Store) -> Iterator[Serving[LocalService]]:
    """A server that is configured to let one request wait for a model."""
    wanted = config.load(Flags(data_folder=store.folder, settings={"max_waiting": "1"}), environment={})
    with serving(LocalService(store, open_model=talker.opened, config=wanted)) as running:
        yield running


async def test_past_the_end_of_the_line_a_request_is_sent_away_and_later_served(
    local: Serving[LocalService], store: Store, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    talker.add(store, "m", replies=["on and on " * 10_000], repeat=True, size=1, delay=0.01, record=str(record))
    places = talker.opened(store, "m").settings.parallel + 1
    async with httpx.AsyncClient(base_url=local.url, timeout=60) as http:
        busy = [asyncio.create_task(http.post(CHAT, json=asking("m"))) for _ in range(places)]
        await asyncio.to_thread(wait_until, lambda: record.exists() and record.read_text().count("submit") == places)
        sent_away = await http.post(CHAT, json=asking("m"))
        for task in busy:
            task.cancel()
        await asyncio.wait(busy)
        await asyncio.to_thread(wait_until, lambda: record.read_text().count("cancel") == places)
        served = await http.post(CHAT, json=asking("m", max_tokens=5))
    assert (sent_away.status_code, error(sent_away)["code"]) == (429, "rate_limit_exceeded")
    assert served.status_code == 200


def test_a_model_that_finds_no_memory_now_may_find_it_later(local: Serving[LocalService], store: Store) -> None:
    talker.add(store, "m", no_room="2 GB are needed and 1 GB is free")
    reply = httpx.post(local.url + CHAT, json=asking("m"), timeout=60)
    assert (reply.status_code, error(reply)["message"]) == (503, "2 GB are needed and 1 GB is free")
    assert reply.headers["retry-after"] == "30"
