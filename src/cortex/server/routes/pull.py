"""Downloads on the server: begun, stopped, and what a name may mean."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cortex.core.errors import BadRequest
from cortex.server.body import read_fields, warned
from cortex.server.frame import json_response
from cortex.server.site import site_of
from cortex.server.wire import docs_manage as docs
from cortex.server.wire.errors import about

router = APIRouter(tags=["models"])


@router.post(
    "/v1/models/pull",
    summary="Download a model",
    responses=docs.FETCHING,
    openapi_extra=docs.PULL,
    response_model=None,
)
async def pull(request: Request) -> Response:
    """Returns when the download has begun; `/events` tells how far it is. What is here already ends at once."""
    site = site_of(request)
    body, others = await read_fields(request, "model", "id")
    name = body.need("model", "what to download").string()
    id = body.get("id")
    with about("model"):
        task = await site.downloads.begin(name, id.string() if id else "")
    return json_response({"message": "Model start downloading!", "task": task.shown} | warned(others))


@router.delete(
    "/v1/models/pull",
    summary="Stop a download",
    responses=docs.taking(docs.StopReply),
    openapi_extra=docs.STOP_PULL,
    response_model=None,
)
async def stop(request: Request) -> Response:
    """What is here already stays: a later download goes on from there."""
    site = site_of(request)
    body, others = await read_fields(request, "taskId")
    task = body.need("taskId", "the id of a task").string()
    if not site.downloads.stop(task):
        raise BadRequest("Task not found", param="taskId", code="task_not_found")
    return json_response({"message": "Download stopped successfully", "taskId": task} | warned(others))


@router.post(
    "/v1/models/pull/info",
    summary="What may a name mean?",
    responses=docs.INFO,
    openapi_extra=docs.INFO_OF,
    response_model=None,
)
async def info(request: Request) -> Response:
    """The models that a name to download may mean, and those of them that are here."""
    site = site_of(request)
    body, others = await read_fields(request, "model")
    name = body.need("model", "what to download").string()
    with about("model"):
        return json_response(await site.downloads.info(name) | warned(others))
