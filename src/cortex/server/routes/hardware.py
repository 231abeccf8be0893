"""The machine: shown, and which of its GPUs models may use."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cortex.server import hardware
from cortex.server.body import read_fields, warned
from cortex.server.frame import json_response
from cortex.server.library import off
from cortex.server.routes.engines import stop_all
from cortex.server.site import site_of
from cortex.server.wire import docs_manage as docs

router = APIRouter(tags=["server"])


@router.get("/v1/hardware", summary="The machine", responses=docs.replies(docs.Hardware), response_model=None)
async def get_hardware(request: Request) -> Response:
    """Memory in MiB, disks in GiB. GPUs are those that nvidia-smi tells of."""
    folder = site_of(request).service.library.store.folder
    return json_response(await off(hardware.hardware, folder))


@router.post(
    "/v1/hardware/activate",
    summary="Choose the GPUs",
    responses=docs.taking(docs.Activated),
    openapi_extra=docs.GPUS,
    response_model=None,
)
async def activate(request: Request) -> Response:
    """Models use these from now on, until the server ends; those that run are stopped. [] means none."""
    site = site_of(request)
    body, others = await read_fields(request, "gpus")
    numbers = body.need("gpus", "a list of GPU numbers").items()
    wanted = [*dict.fromkeys(number.integer(0) for number in numbers)]
    await off(hardware.activate, wanted)
    await stop_all(site)
    done = {"message": "The GPUs are chosen; models use them from now on", "activated_gpus": wanted}
    return json_response(done | warned(others))
