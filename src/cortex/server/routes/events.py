"""`WS /events`: what happens to models, as it happens. Nothing that a reader sends is looked at."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from cortex.server.site import site_of
from cortex.server.wire.body import encode

router = APIRouter()


@router.websocket("/events")
async def events(socket: WebSocket) -> None:
    """One JSON text a frame, until the reader leaves or the server ends."""
    site = site_of(socket)
    with site.events.reader() as queue:
        await socket.accept()
        gone = asyncio.create_task(_gone(socket))
        try:
            while True:
                frame = asyncio.ensure_future(queue.get())
                await asyncio.wait({frame, gone}, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    frame.cancel()
                    return
                await socket.send_text(encode(frame.result()).decode())
        except (WebSocketDisconnect, RuntimeError):  # it left while we sent
            return
        finally:
            gone.cancel()


async def _gone(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()
