"""`WS /events`: what happens to models, as it happens. Nothing that a reader sends is looked at."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from cortex.server.events import Frame
from cortex.server.gone import ClientGone, while_connected
from cortex.server.site import site_of
from cortex.server.wire.body import encode

router = APIRouter()


@router.websocket("/events")
async def events(socket: WebSocket) -> None:
    """One JSON text a frame, until the reader leaves or the server ends."""
    with site_of(socket).events.reader() as queue, contextlib.suppress(ClientGone):
        await socket.accept()
        await while_connected(socket.receive, _tell(socket, queue))


async def _tell(socket: WebSocket, queue: asyncio.Queue[Frame]) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it left while we sent
        while True:
            await socket.send_text(encode(await queue.get()).decode())
