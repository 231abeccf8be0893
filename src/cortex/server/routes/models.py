"""The models: listed, started, stopped. Fetching and importing them is not done here."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from cortex.core.errors import BadRequest, NotFound
from cortex.server.body import read_object
from cortex.server.frame import json_response
from cortex.server.gone import while_connected
from cortex.server.service import Card, Running
from cortex.server.site import site_of, trace_of
from cortex.server.wire import docs
from cortex.server.wire.chat import model_name
from cortex.server.wire.node import Node

MOST = 2**31 - 1  # tokens of context that anybody may ask for
router = APIRouter(tags=["models"])


@router.get("/v1/models", summary="List the models", responses=docs.MODEL_LIST, response_model=None)
async def list_models(request: Request) -> Response:
    """Every model on this machine, loaded or not."""
    cards = site_of(request).service.models()
    return json_response({"object": "list", "data": [_shown(card) for card in cards], "result": "OK"})


@router.get("/v1/models/status/{id:path}", summary="Is a model loaded?", responses=docs.STATUS, response_model=None)
async def status(request: Request, id: str) -> Response:
    """200 if it answers now, 202 while it is being loaded, else 400."""
    service = site_of(request).service
    card = service.find(id)
    if any(running.id == card.id for running in service.running()):
        return json_response({"message": "Model is running"})
    if (done := service.loading().get(card.id)) is not None:
        return json_response({"message": "Model is loading", "progress": done}, 202)
    raise BadRequest("Model is not running", param="model", code="model_not_running")


@router.get("/v1/models/{id:path}", summary="One model", responses=docs.MODEL, response_model=None)
async def get_model(request: Request, id: str) -> Response:
    """The model with exactly this id."""
    card = site_of(request).service.find(id)
    if card.id != id:
        raise NotFound(f"Model {id} not found; did you mean {card.id}?", param="model", code="model_not_found")
    return json_response(_shown(card))


@router.post(
    "/v1/models/start",
    summary="Load a model",
    responses=docs.MESSAGE,
    openapi_extra=docs.START,
    response_model=None,
)
async def start(request: Request) -> Response:
    """Returns when the model is ready. It is no error if it is already."""
    card, body, idle = await _named(request, "ctx_len")
    context = body.get("ctx_len")
    work = site_of(request).service.start(card, context=context.integer(1, MOST) if context else None)
    await while_connected(request.receive, work)
    return json_response({"message": "Started successfully!"} | idle)


@router.post(
    "/v1/models/stop",
    summary="Unload a model",
    responses=docs.MESSAGE,
    openapi_extra=docs.MODEL_NAME,
    response_model=None,
)
async def stop(request: Request) -> Response:
    """Ends its requests and frees its memory."""
    card, _, idle = await _named(request)
    if not await site_of(request).service.stop(card):
        raise BadRequest(f"Model {card.id} is not running", param="model", code="model_not_running")
    return json_response({"message": "Stopped successfully!"} | idle)


@router.get("/inferences/server/models", summary="The loaded models", responses=docs.LOADED, response_model=None)
async def loaded(request: Request) -> Response:
    """What `cortex ps` shows. Memory in bytes, uptime in seconds."""
    site = site_of(request)
    now = site.clock()
    return json_response({"object": "list", "data": [_running(row, now) for row in site.service.running()]})


async def _named(request: Request, *known: str) -> tuple[Card, Node, dict[str, str]]:
    """The model that the body names, the body, and a `warning` of what else is in it: settings belong to the model."""
    site = site_of(request)
    body = await read_object(request, site.options)
    trace_of(request).model = name = model_name(body)
    others = sorted(body.keys() - {"model", *known})
    why = "no effect here: the settings of a model are changed with `cortex models update`"
    if others and site.options.strict_fields:
        raise BadRequest(f"{others[0]}: {why}", param=others[0], code="unknown_parameter")
    return site.service.find(name), Node(body), {"warning": f"{', '.join(others)}: {why}"} if others else {}


def _shown(card: Card) -> dict[str, Any]:
    own = {"model": card.id, "engine": card.engine, "status": "downloaded"}
    return dict(card.details) | {"id": card.id, "object": "model", "created": card.created, "owned_by": "cortex"} | own


def _running(row: Running, now: float) -> dict[str, Any]:
    return {
        "id": row.id,
        "model": row.id,
        "object": "model",
        "engine": row.engine,
        "ram": row.ram,
        "vram": row.vram,
        "start_time": int((now - row.uptime) * 1000),
        "uptime": row.uptime,
    }
