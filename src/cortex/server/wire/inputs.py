"""Texts as OpenAI's older routes take them: one, several, or their tokens. Never looks into what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cortex.core.job import Segment
from cortex.server.wire.node import Node

MOST: Final = 2048  # texts in one request, as with OpenAI
_TOKEN: Final = 2**31 - 1
_FORMS: Final = "a text, a list of texts, a list of tokens or a list of lists of tokens"

SCHEMA: Final[Mapping[str, Any]] = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "minItems": 1, "maxItems": MOST, "items": {"type": "string"}},
        {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}},
        {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST,
            "items": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}},
        },
    ]
}


@dataclass(frozen=True, slots=True)
class Input:
    """One text, and the field that it stands in: `prompt`, or `prompt.2`."""

    segment: Segment
    field: str


def read_inputs(node: Node, *, markup: bool) -> tuple[Input, ...]:
    """All texts of this field. In `markup` special tokens' spellings are those tokens."""
    match node.value:
        case str():
            return (_text(node, markup=markup),)
        case [int() | float(), *_]:
            return (_tokens(node),)
        case [_, *_] if len(node.value) <= MOST:
            return tuple(
                _text(item, markup=markup) if isinstance(item.value, str) else _tokens(item) for item in node.items()
            )
    raise node.wrong(f"{_FORMS}, {MOST} of them at most")


def read_tokens(node: Node) -> tuple[int, ...]:
    return tuple(item.integer(0, _TOKEN) for item in node.items())


def _text(node: Node, *, markup: bool) -> Input:
    return Input(Segment(node.string(), markup), node.path)


def _tokens(node: Node) -> Input:
    tokens = read_tokens(node) if isinstance(node.value, list) else ()
    if not tokens:
        raise node.wrong("a text or a list of tokens that is not empty")
    return Input(Segment(tokens=tokens), node.path)
