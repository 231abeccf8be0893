"""The settings that hold for all models and for the server itself."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cortex.server.body import read_object
from cortex.server.frame import json_response
from cortex.server.site import site_of
from cortex.server.wire import docs_manage as docs

router = APIRouter(tags=["server"])


@router.get("/v1/configs", summary="The settings", responses=docs.replies(docs.Configs), response_model=None)
async def get_configs(request: Request) -> Response:
    """Those in force. Of keys, tokens and passwords only the ends are shown."""
    return json_response(site_of(request).configuration.shown())


@router.patch(
    "/v1/configs",
    summary="Change settings",
    responses=docs.taking(docs.ConfigReply),
    openapi_extra=docs.CONFIGS,
    response_model=None,
)
async def patch_configs(request: Request) -> Response:
    """They hold at once, and are kept in `.cortexrc`. null takes one back to its default."""
    site = site_of(request)
    changed = site.configuration.change(await read_object(request, site.options))
    return json_response({"message": "Configuration updated successfully", "config": changed})
