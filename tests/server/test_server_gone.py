"""Work and streams whose client leaves: whatever the moment, everything is cleaned up, and nothing is sent after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cortex.server.gone import ClientGone, while_connected
from cortex.server.sse import EventStream

LEFT = {"type": "http.disconnect"}


class Client:
    """The client's side of ASGI: keeps what is sent; leaves after `patience` messages were sent to it."""

    def __init__(self, patience: int) -> None:
        self.patience, self.sent, self.left, self.third = patience, list[Any](), asyncio.Event(), asyncio.Event()
        if patience == 0:
            self.left.set()

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return LEFT

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        if len(self.sent) == 3:
            self.third.set()
        if len(self.sent) == self.patience:
            self.left.set()


class Source:
    """Chunks without end, or `count` of them; knows whether it was closed."""

    def __init__(self, count: int = 10**9) -> None:
        self.count, self.closed = count, 0

    async def chunks(self) -> AsyncIterator[bytes]:
        for _ in range(self.count):
            await asyncio.sleep(0)
            yield b"x"

    async def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("patience", [0, 1, 2, 10])
async def test_a_stream_is_closed_whenever_its_client_leaves(patience: int) -> None:
    client, source = Client(patience), Source()
    await EventStream(source.chunks(), close=source.close)({}, client.receive, client.send)
    assert source.closed == 1
    assert len(client.sent) <= patience + 5
    sent = len(client.sent)
    await asyncio.sleep(0.01)
    assert len(client.sent) == sent


async def test_a_stream_ends_by_itself() -> None:
    client, source = Client(-1), Source(3)
    await EventStream(source.chunks(), close=source.close)({}, client.receive, client.send)
    assert [message.get("body") for message in client.sent] == [None, b"x", b"x", b"x", b""]
    assert [message.get("more_body") for message in client.sent] == [None, True, True, True, False]
    assert source.closed == 1


async def test_a_stream_is_closed_when_the_server_ends() -> None:
    client, source = Client(-1), Source()
    task = asyncio.create_task(EventStream(source.chunks(), close=source.close)({}, client.receive, client.send))
    await client.third.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.closed == 1


async def test_work_that_is_waited_for_gives_its_result() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 5

    assert await while_connected(Client(-1).receive, work()) == 5


async def test_work_that_fails_raises_its_error() -> None:
    async def work() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await while_connected(Client(-1).receive, work())


async def test_work_whose_client_left_has_cleaned_up_when_that_is_told() -> None:
    steps: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            steps.append("cleaned up")

    client = Client(1)
    asyncio.get_running_loop().call_later(0.01, client.left.set)
    with pytest.raises(ClientGone):
        await while_connected(client.receive, work())
    assert steps == ["cleaned up"]


async def test_a_result_wins_over_a_client_that_leaves_at_the_same_moment() -> None:
    client = Client(1)

    async def work() -> int:
        client.left.set()
        return 5

    assert await while_connected(client.receive, work()) == 5
