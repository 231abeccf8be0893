"""Bytes of a request -> a JSON object, or `BadRequest`. No NaN, half characters or endless nesting pass."""

from __future__ import annotations

from typing import Any

import msgspec

from cortex.core.errors import BadRequest
from cortex.server.wire.node import shown

DEEPEST = 128  # levels of nesting: far more than any schema has, far less than what recursion survives
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_BOM = b"\xef\xbb\xbf"


def decode(raw: bytes) -> dict[str, Any]:
    """The object that a request's body holds."""
    if not raw.strip():
        raise BadRequest("Body can't be empty: send a JSON object", code="invalid_json")
    try:
        value = _decode(raw.removeprefix(_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"the request body is not JSON: {error}", code="invalid_json") from error
    except RecursionError as error:
        raise _too_deep() from error
    if not isinstance(value, dict):
        raise BadRequest(f"the request body must be a JSON object, not {shown(value)}", code="invalid_type")
    if raw.count(b"{") + raw.count(b"[") > DEEPEST and _deeper(value, DEEPEST):
        raise _too_deep()
    return value


def encode(value: Any) -> bytes:
    """The bytes of a JSON reply."""
    return _encode(value)


def _deeper(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [inner for outer in layer for inner in _inside(outer)]
    return bool(layer)


def _inside(value: Any) -> list[Any]:
    match value:
        case dict():
            return list(value.values())
        case list():
            return value
        case _:
            return []


def _too_deep() -> BadRequest:
    return BadRequest(f"the request body is nested deeper than {DEEPEST} levels", code="invalid_json")
