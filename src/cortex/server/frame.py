"""What surrounds every request: an id, one line in the log, an answer even where we fail, the API key."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import time
from collections.abc import Callable, Sequence

from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cortex.core.errors import BadRequest, CortexError
from cortex.server.gone import ClientGone
from cortex.server.site import Site, Trace
from cortex.server.wire.body import encode
from cortex.server.wire.errors import Crash, NoRoute, Unauthorized, WrongMethod, error_body

log = logging.getLogger("cortex.server")

PUBLIC = frozenset({"/", "/openapi.json", "/healthz", "/events"})
LOCAL = frozenset({"/processManager/destroy"})  # needs no key from this machine, whose user can end us anyway
HALF_READ = frozenset({408, 413})  # the rest of the body may still come: no request can follow it
GONE = 499  # nginx's number for a client that left; nobody receives it


def json_response(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encode(content), status, headers, media_type="application/json")


def warn(trace: Trace, warnings: Sequence[str]) -> None:
    """Name in the log what a request asked for to no effect; its answer names it too."""
    if warnings:
        log.warning("%s %s: %s", trace.id, trace.model, "; ".join(warnings))


def error_response(error: CortexError) -> Response:
    headers = {}
    if error.again is not None:
        headers["retry-after"] = str(error.again)
    elif error.status == 503:
        headers["x-should-retry"] = "false"  # OpenAI's clients retry a 5xx: a broken file does not heal in a second
    if error.status in HALF_READ:
        headers["connection"] = "close"
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return json_response(error_body(error), error.status, headers)


class Frame:
    """Outermost, so that no answer lacks an id and a line in the log. `clock` measures, in seconds."""

    def __init__(
        self, app: ASGIApp, *, new_id: Callable[[str], str], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._app, self._new_id, self._clock = app, new_id, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        trace = scope["cortex.trace"] = Trace(self._new_id("req_"))
        began = self._clock()
        try:
            await self._app(scope, receive, _traced(trace, send))
        finally:
            _log(trace, scope, self._clock() - began)


class Rescue:
    """Answers where the application failed; what it raises is a bug."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception:
            if scope["type"] != "http":
                raise
            trace = scope["cortex.trace"]
            log.exception("%s failed", trace.id)
            if trace.status is None:
                await error_response(crash(trace))(scope, receive, send)


def crash(trace: Trace) -> Crash:
    return Crash(f"the server failed to answer; its log tells more about request {trace.id}")


def _traced(trace: Trace, send: Send) -> Send:
    async def traced(message: Message) -> None:
        if message["type"] == "http.response.start":
            trace.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", trace.id.encode())]
        await send(message)

    return traced


def _log(trace: Trace, scope: Scope, seconds: float) -> None:
    log.info(
        "%s %s %s %s %s %.0f ms, %d+%d tokens",
        *(trace.id, trace.model, scope["method"], scope["path"], trace.status or GONE, seconds * 1000),
        *(trace.usage.prompt, trace.usage.completion),
    )


class KeyGate:
    """Lets in who has one of the site's keys as a bearer token. Some routes are open to all, as they always were."""

    def __init__(self, app: ASGIApp, *, site: Site) -> None:
        self._app, self._site = app, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not (self._open(scope) or self._has_key(scope)):
            return await error_response(Unauthorized("Invalid API Key"))(scope, receive, send)
        return await self._app(scope, receive, send)

    def _open(self, scope: Scope) -> bool:
        path = scope["path"]
        return not self._site.options.api_keys or path in PUBLIC or (path in LOCAL and _is_local(scope))

    def _has_key(self, scope: Scope) -> bool:
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        given = token.strip().encode()
        return scheme.lower() == "bearer" and any(
            hmac.compare_digest(given, key.encode()) for key in self._site.options.api_keys
        )


def _is_local(scope: Scope) -> bool:
    host = (scope.get("client") or ("",))[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def on_error(request: Request, error: Exception) -> Response:
    """An error that a route raised, as its JSON."""
    match error:
        case CortexError():
            return error_response(error)
        case RequestValidationError():
            first = error.errors()[0]
            param = ".".join(str(step) for step in first["loc"][1:])
            return error_response(BadRequest(f"{param}: {first['msg']}", param=param))
        case ClientGone():
            return Response(status_code=GONE)
        case HTTPException(status_code=404):
            return error_response(NoRoute(f"there is no {request.method} {request.url.path} here; GET / lists what is"))
        case HTTPException(status_code=405):
            wrong = WrongMethod(f"{request.url.path} does not take {request.method}; GET / lists what is here")
            return json_response(error_body(wrong), wrong.status, dict(error.headers or {}))
        case HTTPException(status_code=status, detail=detail) if status < 500:
            return error_response(BadRequest(str(detail)))
    raise error
