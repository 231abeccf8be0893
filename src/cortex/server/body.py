"""Reads the body of an HTTP request: in time, within a limit, gzip undone. Parses nothing that it need not hold."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Coroutine, Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request

from cortex.core.errors import BadRequest
from cortex.server.frame import warn
from cortex.server.gone import ClientGone
from cortex.server.site import Options, site_of, trace_of
from cortex.server.wire.body import decode
from cortex.server.wire.errors import BadEncoding, TooLarge, TooSlow
from cortex.server.wire.known import UNKNOWN, idle
from cortex.server.wire.node import Node
from cortex.server.wire.response import told

_GZIP = 16 + zlib.MAX_WBITS


async def read_object(request: Request, limits: Options) -> dict[str, Any]:
    """The JSON object in the request's body, which has `max_body` bytes at most, also after decompression."""
    limit = limits.max_body
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > limit:
        raise _too_large(limit)
    raw = await _in_time(_read(request, limit), limits.patience)
    match request.headers.get("content-encoding", "identity").lower():
        case "" | "identity":
            return decode(raw)
        case "gzip" | "x-gzip":
            return decode(_gunzip(raw, limit))
        case other:
            raise BadEncoding(f"the content encoding {other!r:.60} is not understood: send plain JSON, or gzip")


async def read_fields(request: Request, *known: str, why: str = UNKNOWN) -> tuple[Node, list[str]]:
    """The object in the body of a management route, and warnings that name its fields that are none of those `known`;
    under `strict_fields` an error."""
    options = site_of(request).options
    body = await read_object(request, options)
    warnings = idle(body, known, {}, strict=options.strict_fields, why=why)
    warn(trace_of(request), warnings)
    return Node(body), warnings


async def read_any_fields(request: Request, *known: str) -> tuple[Node, list[str]]:
    """The same of a route that need be sent no body."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return Node({}), []
    return await read_fields(request, *known)


def warned(warnings: Sequence[str]) -> dict[str, Any]:
    """The fields of a reply that say so: ours, and the one that the original's clients show."""
    return {"warning": "; ".join(warnings)} | told(warnings) if warnings else {}


async def _in_time(reading: Coroutine[Any, Any, bytes], seconds: float | None) -> bytes:
    try:
        return await asyncio.wait_for(reading, seconds)
    except TimeoutError as error:
        raise TooSlow(f"the request body did not arrive within {seconds:g} seconds") from error


async def _read(request: Request, limit: int) -> bytes:
    raw = bytearray()
    try:
        async for part in request.stream():
            raw += part
            if len(raw) > limit:
                raise _too_large(limit)
    except ClientDisconnect as error:
        raise ClientGone from error
    return bytes(raw)


def _gunzip(raw: bytes, limit: int) -> bytes:
    inflate = zlib.decompressobj(_GZIP)
    try:
        plain = inflate.decompress(raw, limit + 1)
    except zlib.error as error:
        raise BadRequest(f"the request body is not gzip: {error}", code="invalid_gzip") from error
    if len(plain) > limit:
        raise _too_large(limit)
    if not inflate.eof:
        raise BadRequest("the request body is not gzip: it ends too early", code="invalid_gzip")
    return plain


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the request body is larger than {limit:,} bytes")
