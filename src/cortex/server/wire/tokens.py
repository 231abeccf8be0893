"""The bodies of llama-server's `POST /tokenize` and `/detokenize`, and what they are answered with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cortex.core.job import Cut, Segment
from cortex.server.wire import fields
from cortex.server.wire.chat import checked, flag, model_name
from cortex.server.wire.fields import Field, Obeyed, Table
from cortex.server.wire.inputs import read_tokens
from cortex.server.wire.node import Node
from cortex.server.wire.response import told

_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_TOKENS = {"type": "array", "items": {"type": "integer", "minimum": 0}}
_CUT = (
    fields.FIELDS["model"],
    Field("content", Obeyed(), "The text.", _TEXT),
    Field("add_special", Obeyed(), "Also the tokens that the model wants at a text's ends. Default false.", _FLAG),
    Field("parse_special", Obeyed(), "A special token's spelling is that token. Default true.", _FLAG),
    Field("with_pieces", Obeyed(), "Say how each token is spelled. Default false.", _FLAG),
)
_JOIN = (fields.FIELDS["model"], Field("tokens", Obeyed(), "The tokens.", _TOKENS))
TOKENIZE: Table = {row.name: row for row in _CUT}
DETOKENIZE: Table = {row.name: row for row in _JOIN}


@dataclass(frozen=True, slots=True)
class CutRequest:
    """A text to cut into tokens, or tokens to spell. `warnings` name what the client sent to no effect."""

    model: str
    segment: Segment
    whole: bool = False
    pieces: bool = False
    warnings: tuple[str, ...] = ()


def read_tokenize(body: Mapping[str, Any], *, strict: bool = False) -> CutRequest:
    node = Node(body)
    warnings = checked(node, TOKENIZE, strict=strict)
    text = node.need("content", "a text").string()
    return CutRequest(
        model_name(body),
        Segment(text, markup=flag(node, "parse_special", True)),
        whole=flag(node, "add_special", False),
        pieces=flag(node, "with_pieces", False),
        warnings=tuple(warnings),
    )


def read_detokenize(body: Mapping[str, Any], *, strict: bool = False) -> CutRequest:
    node = Node(body)
    warnings = checked(node, DETOKENIZE, strict=strict)
    tokens = read_tokens(node.need("tokens", "a list of tokens"))
    return CutRequest(model_name(body), Segment(tokens=tokens), warnings=tuple(warnings))


def tokens(asked: CutRequest, cut: Cut) -> dict[str, Any]:
    """The tokens, each with its spelling where that is wanted: text, or its bytes where it is no whole characters."""
    if not asked.pieces:
        return {"tokens": cut.tokens} | told(asked.warnings)
    rows = [{"id": token, "piece": _piece(piece)} for token, piece in zip(cut.tokens, cut.pieces, strict=True)]
    return {"tokens": rows} | told(asked.warnings)


def content(asked: CutRequest, cut: Cut) -> dict[str, Any]:
    return {"content": cut.text.decode(errors="replace")} | told(asked.warnings)


def _piece(piece: bytes) -> str | list[int]:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return list(piece)
