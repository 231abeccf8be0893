"""The server itself: is it alive, what can it do, end it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from cortex.server.frame import json_response
from cortex.server.page import render
from cortex.server.site import site_of
from cortex.server.wire import docs

router = APIRouter(tags=["server"])


@router.get("/healthz", summary="Is the server alive?", response_class=PlainTextResponse)
async def healthz() -> Response:
    return PlainTextResponse("cortex-cpp is alive!!!")


@router.get("/", include_in_schema=False)
async def documentation(request: Request) -> Response:
    return HTMLResponse(render(request.app.openapi()))


@router.delete("/processManager/destroy", summary="End the server", responses=docs.MESSAGE, response_model=None)
async def destroy(request: Request) -> Response:
    """Answers first; then running requests get a moment to end."""
    site_of(request).quit()
    return json_response({"message": "Program is exitting, goodbye!"})
