"""How a request wants its tokens decoded: log probabilities, a grammar, a prediction. Compiles no grammar."""

from __future__ import annotations

from typing import Final

from cortex.core.errors import BadRequest
from cortex.server.wire.node import Node

MOST_LIKELY: Final = 20  # tokens with each that is said, as in OpenAI's API


def read_logprobs(node: Node) -> int | None:
    """How many of the likeliest tokens come with each token; None: no log probabilities at all.

    `n_probs` is llama-server's one field for OpenAI's two.
    """
    wanted, top, both = node.get("logprobs"), node.get("top_logprobs"), node.get("n_probs")
    likeliest = top.integer(0, MOST_LIKELY) if top else 0
    if both and both.integer(0, MOST_LIKELY):
        return max(likeliest, both.integer(0, MOST_LIKELY))
    if wanted and wanted.boolean():
        return likeliest
    if likeliest:
        raise BadRequest("top_logprobs needs logprobs to be true", param="top_logprobs")
    return None


def read_text(node: Node, key: str) -> str:
    found = node.get(key)
    return found.string() if found else ""


def read_prediction(node: Node | None) -> str:
    """The text that the reply is expected to repeat in parts."""
    if node is None:
        return ""
    kind = node.need("type", '"content"')
    if kind.string() != "content":
        raise kind.wrong('"content"')
    content = node.need("content", "a string or a list of text parts")
    match content.value:
        case str():
            return content.string()
        case list():
            return "".join(_part(part) for part in content.items())
    raise content.wrong("a string or a list of text parts")


def _part(node: Node) -> str:
    kind = node.need("type", '"text"')
    if kind.string() != "text":
        raise kind.wrong('"text"')
    return node.need("text", "a string").string()
