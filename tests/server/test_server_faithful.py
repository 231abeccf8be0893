"""That the check around every test's server finds what it is there to find."""

from __future__ import annotations

import json
from typing import Any

import pytest
from faithful import Faithful
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp
from test_wire_stream import events, whole, written

CHAT = "/v1/chat/completions"
ID = {"x-request-id": "req_1"}
ERROR = {"error": {"message": "m", "type": "server_error", "param": None, "code": None}, "message": "m"}


async def told(app: ASGIApp, path: str = CHAT) -> list[str]:
    async def nothing(message: Any = None) -> Any: ...

    faithful = Faithful(app)
    await faithful({"type": "http", "path": path}, nothing, nothing)
    return faithful.problems


def body(**changes: Any) -> Any:
    return whole(events("call")) | changes


def stream(*chunks: Any) -> Response:
    lines = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + ": keep-alive\n\ndata: [DONE]\n\n"
    return Response(lines, media_type="text/event-stream", headers=ID)


GOOD: list[Response] = [
    JSONResponse(body(), headers=ID),
    stream(*written(events("thinks"))),
    stream(written(events("words"))[0], ERROR),
    JSONResponse(ERROR, 500, headers=ID),
]
BAD: list[tuple[Response, str]] = [
    (JSONResponse(body()), "x-request-id"),
    (JSONResponse(body(colour="red"), headers=ID), "has no colour"),
    (JSONResponse(body(created="1"), headers=ID), "created"),
    (JSONResponse(body(choices=[{"index": 0}]), headers=ID), "finish_reason"),
    (stream(written(events("words"))[0] | {"colour": 1}), "has no colour"),
    (stream({"choices": []}), "id"),
    (JSONResponse({"message": "m"}, 400, headers=ID), "an error that is"),
    (JSONResponse(ERROR | {"message": "n"}, 400, headers=ID), "an error that is"),
    (
        JSONResponse({"error": {"message": "m", "type": "t", "param": None}, "message": "m"}, 400, headers=ID),
        "whose fields",
    ),
]


@pytest.mark.parametrize("answer", GOOD)
async def test_what_is_right_passes(answer: Response) -> None:
    assert await told(answer) == []


@pytest.mark.parametrize(("answer", "says"), BAD)
async def test_what_is_wrong_is_told(answer: Response, says: str) -> None:
    (problem,) = await told(answer)
    assert problem.startswith(CHAT)
    assert says in problem


async def test_models_have_openais_fields_and_settings_beside_them() -> None:
    row = {"id": "m", "object": "model", "created": 1, "owned_by": "cortex", "ctx_len": 5}
    assert await told(JSONResponse({"data": [row]}, headers=ID), "/v1/models") == []
    assert await told(JSONResponse(row | {"created": "x"}, headers=ID), "/v1/models/m") != []
