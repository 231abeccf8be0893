"""Server-sent events over ASGI: chunks as they come, a comment in long silences, an end when the client goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cortex.server.gone import ClientGone, while_connected
from cortex.server.wire.stream import KEEP_ALIVE


class EventStream(Response):
    """Sends `chunks`. After `silence` seconds without one it sends a comment, so that no proxy takes the stream for
    dead. `close` is awaited in the end, whatever happened: it frees what the chunks are made from."""

    media_type = "text/event-stream"

    def __init__(
        self, chunks: AsyncIterator[bytes], *, close: Callable[[], Awaitable[None]], silence: float = 10.0
    ) -> None:
        self.status_code, self.background = 200, None
        self.init_headers({"cache-control": "no-cache", "x-accel-buffering": "no"})
        self._chunks, self._close, self._silence = chunks, close, silence
        self._fresh = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_connected(receive, self._send(send))
        except ClientGone:
            return
        finally:
            await self._close()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        heart = asyncio.ensure_future(self._beat(send))
        try:
            async for chunk in self._chunks:
                self._fresh = True
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            heart.cancel()
            await asyncio.wait({heart})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _beat(self, send: Send) -> None:
        while True:
            self._fresh = False
            await asyncio.sleep(self._silence)
            if not self._fresh:
                await send({"type": "http.response.body", "body": KEEP_ALIVE, "more_body": True})
