"""Which web pages may ask what. Programs send no origin, and are not looked at here."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from cortex.server.frame import error_response
from cortex.server.site import Site
from cortex.server.wire.errors import Forbidden

# What changes this machine: no page may, but those that are named one by one. `*` lets all pages ask models, no more.
MANAGING = ("/v1/models", "/v1/configs", "/v1/engines", "/v1/hardware", "/processManager")
ASKING = ("/v1/models/start", "/v1/models/stop", "/v1/models/pull/info")
READING = ("GET", "HEAD", "OPTIONS")


class Cors:
    """Starlette's, made anew when the allowed origins change."""

    def __init__(self, app: ASGIApp, *, site: Site) -> None:
        self._app, self._site = app, site
        self._made: tuple[tuple[str, ...] | None, ASGIApp] = (None, app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origins = self._site.options.origins
        if origins != self._made[0]:
            self._made = (origins, self._app if origins is None else cors(self._app, origins))
        return await self._made[1](scope, receive, send)


def cors(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    return CORSMiddleware(
        app,
        allow_origins=origins or ("*",),
        allow_methods=("*",),
        allow_headers=("*",),
        expose_headers=("x-request-id",),
        max_age=600,
    )


class OriginGate:
    """Refuses what web pages send that are not allowed: a browser sends it without asking first, and only hides the
    answer from the page. The server's own pages may, and programs, which have no origin."""

    def __init__(self, app: ASGIApp, *, site: Site) -> None:
        self._app, self._site = app, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or self._open(scope, Headers(scope=scope)):
            return await self._app(scope, receive, send)
        if scope["type"] == "websocket":
            return await WebSocketClose(1008, "this web page may not listen")(scope, receive, send)
        error = Forbidden(
            "this web page's origin is none of the server's allowedOrigins"
            + (", and `*` is not enough to change what is on this machine" * managing(scope))
        )
        return await error_response(error)(scope, receive, send)

    def _open(self, scope: Scope, headers: Headers) -> bool:
        origins = self._site.options.origins
        if trusted(headers, origins):
            return True
        if scope["type"] == "websocket" or managing(scope):
            return False
        return not origins or "*" in origins


def trusted(headers: Headers, origins: tuple[str, ...] | None) -> bool:
    """Whether a program asks, a page of this server, or one that is named among `origins`: `*` names none."""
    origin = headers.get("origin")
    return origin is None or origin in (origins or ()) or own(origin, headers.get("host", ""))


def managing(scope: Scope) -> bool:
    """Whether this request changes something on this machine."""
    path: str = scope["path"]
    return (
        scope["type"] == "http" and scope["method"] not in READING and path.startswith(MANAGING) and path not in ASKING
    )


def own(origin: str, host: str) -> bool:
    """Whether a page came from this server itself. Its address must be a number or `localhost`: any other name may have
    been made to point here by the page's owner."""
    try:
        page = urlsplit(origin)
        name = page.hostname or ""
    except ValueError:
        return False
    if page.netloc != host:
        return False
    return name == "localhost" or name.endswith(".localhost") or _number(name)


def _number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
