"""Where models may come from: places that a person keeps in the list, and what the built-in catalogue knows."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from cortex.core.errors import BadRequest
from cortex.server.body import read_fields, warned
from cortex.server.frame import json_response
from cortex.server.library import off
from cortex.server.site import site_of
from cortex.server.wire import docs_manage as docs
from cortex.server.wire.docs import MessageReply
from cortex.server.wire.errors import about

router = APIRouter(tags=["models"])


@router.get("/v1/models/sources", summary="The sources", responses=docs.replies(docs.Sources), response_model=None)
async def list_sources(request: Request) -> Response:
    """The repositories that were added, and the catalogue's, with the models that are known of each."""
    return json_response({"data": await off(site_of(request).sources.list)})


@router.post(
    "/v1/models/sources",
    summary="Add a source",
    responses=docs.taking(MessageReply),
    openapi_extra=docs.SOURCE,
    response_model=None,
)
async def add_source(request: Request) -> Response:
    """A repository of Hugging Face, as `author/Repo` or by its address."""
    source, others = await _named(request)
    with about("source", "model"):
        await off(site_of(request).sources.add, source)
    return json_response({"message": "Model source is added successfully!"} | warned(others))


@router.delete(
    "/v1/models/sources",
    summary="Remove a source",
    responses=docs.taking(MessageReply),
    openapi_extra=docs.SOURCE,
    response_model=None,
)
async def remove_source(request: Request) -> Response:
    """Models that came from it stay."""
    source, others = await _named(request)
    await off(site_of(request).sources.remove, source)
    return json_response({"message": "Model source is deleted successfully!"} | warned(others))


@router.get(
    "/v1/models/sources/{source:path}",
    summary="One source",
    responses=docs.replies(docs.Source),
    response_model=None,
)
async def get_source(request: Request, source: str) -> Response:
    return json_response(await off(site_of(request).sources.get, source))


@router.get("/v1/models/hub", summary="What can be downloaded", responses=docs.replies(docs.Names), response_model=None)
async def hub(request: Request, author: str = "", tag: str = "") -> Response:
    """Names for `/v1/models/pull` from the catalogue and the added sources. `author` and `tag` are parts that the names
    must have."""
    rows: list[dict[str, Any]] = await off(site_of(request).sources.list)
    names = [model["id"] for row in rows if author.lower() in row["author"].lower() for model in row["models"]]
    return json_response({"data": [name for name in names if tag.lower() in name.lower()]})


async def _named(request: Request) -> tuple[str, list[str]]:
    """The source, and warnings."""
    body, others = await read_fields(request, "source")
    source = body.need("source", "author/Repo of Hugging Face, or its address").string()
    if not source.strip():
        raise BadRequest("source must be author/Repo of Hugging Face, or its address", param="source")
    return source.strip(), others
