"""Reads the body of an HTTP request: in time, within a limit, gzip undone. Parses nothing that it need not hold."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request

from cortex.core.errors import BadRequest
from cortex.server.gone import ClientGone
from cortex.server.site import Options
from cortex.server.wire.body import decode
from cortex.server.wire.errors import BadEncoding, TooLarge, TooSlow

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


def idle(body: Mapping[str, Any], limits: Options, *known: str, why: str = "no effect here") -> list[str]:
    """A warning that names the fields of `body` that are none of those `known`; an error under `strict_fields`."""
    others = sorted(body.keys() - set(known))
    if others and limits.strict_fields:
        raise BadRequest(f"{others[0]}: {why}", param=others[0], code="unknown_parameter")
    return [f"{', '.join(others)}: {why}"] if others else []


def warned(warnings: Sequence[str]) -> dict[str, str]:
    """The field of a reply that says so."""
    return {"warning": "; ".join(warnings)} if warnings else {}


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
