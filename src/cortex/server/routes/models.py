"""The models: listed, started, stopped. Fetching, importing and changing them is not done here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from cortex.core.errors import BadRequest
from cortex.models.settings import LOADING, checked
from cortex.server.body import read_fields, warned
from cortex.server.frame import json_response
from cortex.server.gone import while_connected
from cortex.server.library import off
from cortex.server.pages import trusted
from cortex.server.routes.library import file_path, shown
from cortex.server.service import Card, Running
from cortex.server.site import Site, site_of, trace_of
from cortex.server.wire import docs
from cortex.server.wire.chat import model_name
from cortex.server.wire.errors import Forbidden, about

PATHS = ("model_path", "llama_model_path")  # of a file that is imported under this name, where nobody has the name
SETTINGS = "no effect here: the settings of a model are changed with `cortex models update`"
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
    node, others = await read_fields(request, "model", *LOADING, *PATHS, why=SETTINGS)
    body = node.object()
    name = trace_of(request).model = model_name(body)
    wanted = _wanted(body)
    await _imported(request, site, name, body)
    card = site.service.find(name)
    await while_connected(request.receive, site.service.start(card, wanted))
    return json_response({"message": "Started successfully!"} | warned([*others, *_smaller(site, card, wanted)]))


@router.post(
    "/v1/models/stop",
    summary="Unload a model",
    responses=docs.MESSAGE,
    openapi_extra=docs.MODEL_NAME,
    response_model=None,
)
async def stop(request: Request) -> Response:
    """Ends its requests and frees its memory."""
    site = site_of(request)
    body, others = await read_fields(request, "model")
    name = trace_of(request).model = model_name(body.object())
    card = site.service.find(name)
    if not await site.service.stop(card):
        raise BadRequest(f"Model {card.id} is not running", param="model", code="model_not_running")
    return json_response({"message": "Stopped successfully!"} | warned(others))


@router.get("/inferences/server/models", summary="The loaded models", responses=docs.LOADED, response_model=None)
async def loaded(request: Request) -> Response:
    """What `cortex ps` shows. Memory in bytes, uptime in seconds."""
    site = site_of(request)
    now = site.clock()
    return json_response({"object": "list", "data": [_running(row, now) for row in site.service.running()]})


def _wanted(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """How the model is to be loaded this time."""
    return checked({key: body[key] for key in LOADING if body.get(key) is not None})


def _smaller(site: Site, card: Card, wanted: Mapping[str, Any]) -> list[str]:
    """A warning where the model has less context than was asked for."""
    asked = wanted.get("ctx_len", 0)
    given = next((row.context for row in site.service.running() if row.id == card.id), 0)
    return [f"ctx_len: the model was made for {given} tokens, and has no more"] if 0 < given < asked else []


async def _imported(request: Request, site: Site, name: str, body: Mapping[str, Any]) -> None:
    """A file that a start names is imported under the model's name, if nobody has it."""
    key = next((key for key in PATHS if body.get(key) is not None), None)
    if key is None:
        return
    if not trusted(request.headers, site.options.origins):
        raise Forbidden(f"{key}: this web page may not import files", param=key)
    library, file = site.service.library, file_path(body[key], key)
    if not await off(library.store.has, name):
        with about(key):
            await library.add(name, file)
    elif await off(lambda: library.store.get(name).path) != file:
        raise BadRequest(f"{key}: the model {name} is another file; choose another name", param=key)


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
