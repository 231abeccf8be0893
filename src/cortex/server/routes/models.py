"""The models: listed, started, stopped. Fetching, importing and changing them is not done here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from cortex.core.errors import BadRequest, NotFound
from cortex.models.settings import LOADING, checked
from cortex.server.body import read_object
from cortex.server.frame import json_response
from cortex.server.gone import while_connected
from cortex.server.library import off
from cortex.server.routes.library import file_path, shown
from cortex.server.service import Card, Running, Service
from cortex.server.site import Site, site_of, trace_of
from cortex.server.wire import docs
from cortex.server.wire.chat import model_name

PATHS = ("model_path", "llama_model_path")  # of a file that is imported under this name, where nobody has the name
router = APIRouter(tags=["models"])


@router.get("/v1/models", summary="List the models", responses=docs.MODEL_LIST, response_model=None)
async def list_models(request: Request) -> Response:
    """Every model on this machine, loaded or not."""
    cards = site_of(request).service.models()
    return json_response({"object": "list", "data": [shown(card) for card in cards], "result": "OK"})


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


@router.post(
    "/v1/models/start",
    summary="Load a model",
    responses=docs.MESSAGE,
    openapi_extra=docs.START,
    response_model=None,
)
async def start(request: Request) -> Response:
    """Returns when the model is ready. It is no error if it is already. What is said here of how it is loaded wins over
    its settings until it is stopped, or started with other values."""
    site = site_of(request)
    body = await read_object(request, site.options)
    name = trace_of(request).model = model_name(body)
    idle, wanted = _idle(site, body, *LOADING, *PATHS), _wanted(body)
    path = next((body[key] for key in PATHS if key in body), None)
    if path is not None and not await off(known, site.service, name):
        await site.service.library.add(name, file_path(path, next(key for key in PATHS if key in body)))
    card = site.service.find(name)
    await while_connected(request.receive, site.service.start(card, wanted))
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
    card, idle = await _named(request)
    if not await site_of(request).service.stop(card):
        raise BadRequest(f"Model {card.id} is not running", param="model", code="model_not_running")
    return json_response({"message": "Stopped successfully!"} | idle)


@router.get("/inferences/server/models", summary="The loaded models", responses=docs.LOADED, response_model=None)
async def loaded(request: Request) -> Response:
    """What `cortex ps` shows. Memory in bytes, uptime in seconds."""
    site = site_of(request)
    now = site.clock()
    return json_response({"object": "list", "data": [_running(row, now) for row in site.service.running()]})


def _wanted(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """How the model is to be loaded this time."""
    return checked({key: body[key] for key in LOADING if body.get(key) is not None})


async def _named(request: Request, *known: str) -> tuple[Card, dict[str, str]]:
    """The model that the body names, and a `warning` of what else is in it."""
    site = site_of(request)
    body = await read_object(request, site.options)
    trace_of(request).model = name = model_name(body)
    return site.service.find(name), _idle(site, body, *known)


def _idle(site: Site, body: Mapping[str, Any], *known: str) -> dict[str, str]:
    """A `warning` of what in the body has no effect."""
    others = sorted(body.keys() - {"model", *known})
    why = "no effect here: the settings of a model are changed with `cortex models update`"
    if others and site.options.strict_fields:
        raise BadRequest(f"{others[0]}: {why}", param=others[0], code="unknown_parameter")
    return {"warning": f"{', '.join(others)}: {why}"} if others else {}


def known(service: Service, name: str) -> bool:
    try:
        return bool(service.find(name))
    except NotFound:
        return False


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
        "memory": row.need,
        "ctx_len": row.context,
        "idle": row.idle,
        "unloads_in": row.left,
    }
