"""The application: routes, the frame around them, and their documentation. Parts are given; none is made here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

import cortex
from cortex.core.errors import CortexError
from cortex.server.frame import Frame, KeyGate, Rescue, on_error
from cortex.server.gone import ClientGone
from cortex.server.pages import Cors, OriginGate
from cortex.server.paths import OldPaths
from cortex.server.routes import (
    chat,
    completions,
    configs,
    engines,
    events,
    hardware,
    library,
    models,
    pull,
    responses,
    retired,
    sources,
    system,
    texts,
)
from cortex.server.site import Site
from cortex.server.wire import docs

ABOUT = "A local LLM server that speaks OpenAI's API. Tool calls are always right in form."

PARTS = (
    chat,
    responses,
    completions,
    texts,
    models,
    pull,
    sources,
    retired,
    configs,
    engines,
    hardware,
    system,
    events,
)


def create_app(site: Site) -> FastAPI:
    """An ASGI application over `site`. It closes the service when it shuts down."""
    app = FastAPI(
        title="Cortex",
        version=cortex.__version__,
        description=ABOUT,
        docs_url=None,  # its pages fetch their scripts from the network; `/` is ours
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.site = site
    # The library's come last: any text is a model's id, also what looks like another route.
    for part in PARTS:
        app.include_router(part.router)
    app.include_router(library.router)
    for kind in (CortexError, ClientGone, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, on_error)
    _surround(app, site)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await app.state.site.close()


def _surround(app: FastAPI, site: Site) -> None:
    """The last one added is the outermost: other paths for the same, id and log, then which pages may ask, then errors,
    then the key."""
    app.add_middleware(KeyGate, site=site)
    app.add_middleware(Rescue)
    app.add_middleware(Cors, site=site)
    app.add_middleware(OriginGate, site=site)
    app.add_middleware(Frame, new_id=site.new_id)
    app.add_middleware(OldPaths)


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _drop_fastapis_own_errors(document)
        document["components"]["schemas"] |= _extra_shapes()
        app.openapi_schema = document
    return app.openapi_schema


def _drop_fastapis_own_errors(document: dict[str, Any]) -> None:
    """FastAPI documents a 422 for every route with a parameter; ours never send one."""
    for verbs in document["paths"].values():
        for route in verbs.values():
            route["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def _extra_shapes() -> dict[str, Any]:
    """Shapes that no route returns as such: the chunks of a stream."""
    shapes: dict[str, Any] = {}
    for shape in docs.EXTRA_SHAPES:
        schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
        shapes |= schema.pop("$defs", {}) | {shape.__name__: schema}
    return shapes
