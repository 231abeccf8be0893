"""The body of `POST /v1/embeddings` -> jobs, and their vectors -> its answer. Texts in it hold no markup."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from cortex.core.errors import BadRequest
from cortex.core.job import Job, Vector
from cortex.server.wire import fields, inputs
from cortex.server.wire.chat import checked, model_name
from cortex.server.wire.fields import Field, Obeyed, Table
from cortex.server.wire.inputs import Input, read_inputs
from cortex.server.wire.node import Node
from cortex.server.wire.response import told

Encoding = Literal["float", "base64"]
_FLOAT: Final = 4  # bytes
_ROWS = (
    Field("input", Obeyed(), "What to make vectors of; none of the texts may be empty.", inputs.SCHEMA),
    Field("encoding_format", Obeyed(), "Numbers, or base64 of 32-bit floats.", {"enum": ["float", "base64"]}),
    Field("dimensions", Obeyed(), "Cut each vector to so many numbers, and make it of length 1 again.",
          {"type": "integer", "minimum": 1}),
    fields.FIELDS["model"],
    fields.FIELDS["user"],
)  # fmt: skip
TABLE: Table = {row.name: row for row in _ROWS}


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """One request, read. `warnings` name what the client sent to no effect."""

    model: str
    jobs: tuple[Job, ...]
    encoding: Encoding = "float"
    dimensions: int | None = None
    warnings: tuple[str, ...] = ()


def read(body: Mapping[str, Any], *, strict: bool = False) -> EmbeddingRequest:
    node = Node(body)
    warnings = checked(node, TABLE, strict=strict)
    given = read_inputs(node.need("input", "a text, or tokens"), markup=False)
    size = node.get("dimensions")
    return EmbeddingRequest(
        model_name(body),
        tuple(_job(one) for one in given),
        _encoding(node),
        size.integer(1) if size else None,
        tuple(warnings),
    )


def _job(given: Input) -> Job:
    if not (given.segment.text or given.segment.tokens):
        raise BadRequest(f"{given.field} must not be empty", param=given.field)
    return Job((given.segment,), embed=True, source=given.field)


def _encoding(node: Node) -> Encoding:
    found = node.get("encoding_format")
    match found:
        case None | Node("float"):
            return "float"
        case Node("base64"):
            return "base64"
    raise found.wrong('"float" or "base64"')


def embeddings(asked: EmbeddingRequest, vectors: Sequence[Vector]) -> dict[str, Any]:
    """The answer. Raises `BadRequest` where the vectors have fewer numbers than were asked for."""
    rows = [_written(_cut(vector.data, asked.dimensions), asked.encoding) for vector in vectors]
    data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
    tokens = sum(vector.usage.prompt for vector in vectors)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": asked.model, "usage": usage} | told(asked.warnings)


def _cut(data: bytes, size: int | None) -> bytes:
    width = len(data) // _FLOAT
    if size is None or size == width:
        return data
    if size > width:
        raise BadRequest(f"dimensions is {size}, and this model's vectors have {width}", param="dimensions")
    kept = _floats(data[: size * _FLOAT])
    length = math.hypot(*kept) or 1.0
    return struct.pack(f"<{size}f", *(number / length for number in kept))


def _written(data: bytes, encoding: Encoding) -> str | list[float]:
    return base64.b64encode(data).decode() if encoding == "base64" else list(_floats(data))


def _floats(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // _FLOAT}f", data)
