"""Models that are kept: changed, deleted, imported. Nothing is loaded or fetched here."""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from cortex.core.errors import BadRequest, NotFound
from cortex.server.body import read_fields, read_object, warned
from cortex.server.frame import json_response
from cortex.server.service import Card
from cortex.server.site import Site, site_of
from cortex.server.wire import docs_manage as docs
from cortex.server.wire.errors import about

router = APIRouter(tags=["models"])
Id = Annotated[str, Path(json_schema_extra={"not": {"enum": ["hub", "sources"]}})]  # these are routes of their own


def exactly(site: Site, id: str) -> Card:
    """The model with exactly this id or alias: nobody changes or deletes one by a part of its name."""
    card = site.service.find(id)
    if id not in (card.id, *card.aliases):
        raise NotFound(f"Model {id} not found; did you mean {card.id}?", param="model", code="model_not_found")
    return card


@router.get(
    "/v1/models/{id:path}",
    summary="One model",
    responses=docs.replies(docs.Facts, "The model: its settings, and what its file says."),
    response_model=None,
)
async def get_model(request: Request, id: Id) -> Response:
    """The model with exactly this id. Reads its file's header; loads nothing."""
    site = site_of(request)
    card = exactly(site, id)
    return json_response(shown(card) | await site.service.library.describe(id) | own(card))


@router.patch(
    "/v1/models/{id:path}",
    summary="Change a model's settings",
    responses=docs.taking(docs.Handled),
    openapi_extra=docs.SETTINGS_OF_A_MODEL,
    response_model=None,
)
async def update(request: Request, id: str) -> Response:
    """Keys as in `model.yml`; null takes one back to its default. A model that is loaded is loaded anew for them, when
    the next request comes."""
    site = site_of(request)
    card = exactly(site, id)
    changes = await read_object(request, site.options)
    if not changes:
        raise BadRequest("nothing to change: name at least one setting", code="nothing_to_change")
    await site.service.library.update(card.id, changes)
    message = f"Successfully updated model ID '{card.id}'!"
    return json_response({"result": "Updated successfully!", "modelHandle": card.id, "message": message})


@router.delete(
    "/v1/models/{id:path}", summary="Delete a model", responses=docs.replies(docs.Deleted), response_model=None
)
async def delete(request: Request, id: str) -> Response:
    """Stops it first. An imported file stays where it is."""
    site = site_of(request)
    card = exactly(site, id)
    await site.service.stop(card)
    await site.service.library.delete(card.id)
    await site.service.stop(card)  # a request may have loaded it in between
    return json_response({"id": card.id, "object": "model", "deleted": True, "message": "Deleted successfully!"})


@router.post(
    "/v1/models/import",
    summary="Import a file of this machine",
    responses=docs.taking(docs.Handled),
    openapi_extra=docs.IMPORT,
    response_model=None,
)
async def import_model(request: Request) -> Response:
    """Gives a GGUF file any id. It stays where it is; with `copy` the model has a file of its own."""
    site = site_of(request)
    body, others = await read_fields(request, "model", "modelPath", "option")
    id = body.need("model", "the id that it shall have").string()
    path = body.need("modelPath", "the path of a GGUF file").string()
    option = body.get("option")
    how = option.string() if option else "symlink"
    if option and how not in ("symlink", "copy"):
        raise option.wrong("one of symlink, copy")
    file = file_path(path, "modelPath")
    with about("modelPath"):
        await site.service.library.add(id, file, copy=how == "copy")
    done = {"result": "OK", "modelHandle": id, "message": "Model is imported successfully!"}
    return json_response(done | warned(others))


def file_path(text: Any, param: str) -> pathlib.Path:
    """The path of a file on this machine, in the request's field `param`."""
    if not isinstance(text, str) or "\0" in text or not pathlib.Path(text).is_absolute():
        raise BadRequest(f"{param} must be the absolute path of a file, not {text!r:.200}", param=param)
    return pathlib.Path(text)


def shown(card: Card) -> dict[str, Any]:
    return dict(card.details) | own(card)


def own(card: Card) -> dict[str, Any]:
    """What no setting or header may say otherwise."""
    fixed = {"id": card.id, "object": "model", "created": card.created, "owned_by": "cortex"}
    return fixed | {"model": card.id, "engine": card.engine, "status": "downloaded"}
