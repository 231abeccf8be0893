"""The shapes of the replies of completions, embeddings and tokens, as `docs.py` has those of chats and models."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from cortex.server.wire import completions, embeddings, tokens
from cortex.server.wire.docs import (
    ASKED,
    BODY,
    CHAT_REQUEST,
    READ,
    CortexFields,
    Responses,
    Shape,
    Usage,
    event_stream,
    request,
)
from cortex.server.wire.fields import request_schema


class TextLogprobs(Shape):
    """Lists side by side, an entry a token; `text_offset` is where it begins in the text, in characters. The first
    token of a prompt that is echoed has null: nothing comes before it."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None] | None
    text_offset: list[int]


class TextChoice(Shape):
    """`finish_reason` is null in chunks before the last."""

    text: str
    index: int
    logprobs: TextLogprobs | None
    finish_reason: Literal["stop", "length"] | None


class TextCompletion(Shape):
    """An answer, and each chunk of a streamed one: there `usage` is in the last only."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[TextChoice]
    usage: Usage | None = None
    cortex: CortexFields | None = None


class Embedding(Shape):
    """`embedding` is a text where base64 was asked for: 32-bit floats, little-endian."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Shape):
    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Shape):
    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage
    cortex: CortexFields | None = None


class TokenPiece(Shape):
    """`piece` is a list of bytes where they are no whole characters."""

    id: int
    piece: str | list[int]


class TokenList(Shape):
    tokens: list[int] | list[TokenPiece]
    cortex: CortexFields | None = None


class TextReply(Shape):
    content: str
    cortex: CortexFields | None = None


class PromptReply(Shape):
    prompt: str
    cortex: CortexFields | None = None


def _replies(shape: type[BaseModel], about: str) -> Responses:
    return {200: {"model": shape, "description": about}, **BODY, **ASKED, **READ}


_CHUNKS = "Chunks `data: {...}`, each a TextCompletion, then `data: [DONE]`."

COMPLETION: Responses = _replies(TextCompletion, "The continued texts.")
COMPLETION[200]["content"] = event_stream(_CHUNKS)
EMBEDDINGS = _replies(EmbeddingList, "A vector for each text, of length 1.")
TOKENS = _replies(TokenList, "The tokens.")
TEXT = _replies(TextReply, "What the tokens spell.")
PROMPT = _replies(PromptReply, "The prompt.")

COMPLETION_REQUEST = request(request_schema(completions.TABLE, ("model", "prompt")))
EMBEDDINGS_REQUEST = request(request_schema(embeddings.TABLE, ("model", "input")))
TOKENIZE_REQUEST = request(request_schema(tokens.TOKENIZE, ("model", "content")))
DETOKENIZE_REQUEST = request(request_schema(tokens.DETOKENIZE, ("model", "tokens")))
PROMPT_REQUEST = CHAT_REQUEST
