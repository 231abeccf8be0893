"""The engine. There is one, which is built in: what would install or remove one says so."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cortex.core.errors import NotFound
from cortex.server import engines
from cortex.server.body import read_any_fields, warned
from cortex.server.frame import json_response
from cortex.server.site import Site, site_of
from cortex.server.wire import docs_manage as docs
from cortex.server.wire.docs import MessageReply

router = APIRouter(tags=["engines"])
ONE = "/v1/engines/{name}"


@router.get(
    "/v1/engines", summary="The engines", responses=docs.replies(dict[str, list[docs.Engine]]), response_model=None
)
async def list_engines(request: Request) -> Response:
    return json_response({engines.NAME: [engines.engine(engines.NAME)]})


@router.post("/v1/engines", summary="Add a remote engine", responses=docs.refusals(), response_model=None)
async def add_engine(request: Request) -> Response:
    """There are none: this server runs models of this machine."""
    raise NotFound(
        "there are no remote engines: this server runs models of this machine; clients ask other providers themselves",
        code="not_supported",
    )


@router.get(ONE, summary="One engine", responses=docs.replies(list[docs.Engine]), response_model=None)
async def get_engine(request: Request, name: str) -> Response:
    return json_response([engines.engine(name)])


@router.get(ONE + "/releases", summary="Its versions", responses=docs.replies(list[docs.Release]), response_model=None)
async def releases(request: Request, name: str) -> Response:
    """The one that is built in."""
    return json_response([_release(name)])


@router.get(
    ONE + "/releases/{version}", summary="A version", responses=docs.replies(list[docs.Release]), response_model=None
)
async def release(request: Request, name: str, version: str) -> Response:
    """The variants of a version, or of the `latest`: the one that is built in."""
    found = _release(name)
    if version.removeprefix("v") not in ("latest", found["version"]):
        raise NotFound(f"there is only {found['version']}, which is built in", param="version", code="engine_built_in")
    return json_response([found])


@router.post(
    ONE + "/install",
    summary="Install an engine",
    responses=docs.taking(MessageReply),
    openapi_extra=docs.VERSION,
    response_model=None,
)
async def install(request: Request, name: str) -> Response:
    """It is there; another version than the one that is built in cannot be had."""
    version, variant, others = await _wanted(request)
    found = engines.fixed(name, version, variant)
    done = {"message": f"Engine {found['engine']} {found['version']} is built in: nothing to install"}
    return json_response(done | warned(others))


@router.delete(ONE + "/install", summary="Uninstall an engine", responses=docs.MESSAGE, response_model=None)
async def uninstall(request: Request, name: str) -> Response:
    """It cannot be: it is a part of cortex."""
    raise engines.part(name)


@router.get(ONE + "/default", summary="Its version in use", responses=docs.replies(docs.Engine), response_model=None)
async def get_default(request: Request, name: str) -> Response:
    return json_response(engines.engine(name))


@router.post(
    ONE + "/default",
    summary="Choose its version",
    responses=docs.taking(docs.Engine),
    openapi_extra=docs.VERSION,
    response_model=None,
)
async def set_default(request: Request, name: str) -> Response:
    """There is only the one that is built in."""
    version, variant, others = await _wanted(request)
    return json_response(engines.fixed(name, version, variant) | warned(others))


@router.post(ONE + "/update", summary="Update an engine", responses=docs.MESSAGE, response_model=None)
async def update(request: Request, name: str) -> Response:
    """It is updated with cortex itself."""
    found, (_, others) = engines.engine(name), await read_any_fields(request)
    done = {"message": f"{found['engine']} {found['version']} comes with cortex, and is updated with it"}
    return json_response(done | warned(others))


@router.post(ONE + "/load", summary="Load an engine", responses=docs.MESSAGE, response_model=None)
async def load(request: Request, name: str) -> Response:
    """Nothing has to be done: each model starts it for itself."""
    found, (_, others) = engines.engine(name), await read_any_fields(request)
    return json_response({"message": f"Engine {found['engine']} loaded successfully!"} | warned(others))


@router.delete(ONE + "/load", summary="Unload an engine", responses=docs.MESSAGE, response_model=None)
async def unload(request: Request, name: str) -> Response:
    """Stops all models that run."""
    found, (_, others) = engines.engine(name), await read_any_fields(request)
    await stop_all(site_of(request))
    return json_response({"message": f"Engine {found['engine']} unloaded successfully!"} | warned(others))


async def stop_all(site: Site) -> None:
    for running in site.service.running():
        await site.service.stop(site.service.find(running.id))


async def _wanted(request: Request) -> tuple[str | None, str | None, list[str]]:
    """The version and the variant that the body names, if there is a body, and warnings."""
    body, others = await read_any_fields(request, "version", "variant")
    version, variant = body.get("version"), body.get("variant")
    return version.string() if version else None, variant.string() if variant else None, others


def _release(name: str) -> dict[str, str]:
    found = engines.engine(name)
    return {"name": found["variant"], "version": found["version"], "url": ""}
