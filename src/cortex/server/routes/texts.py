"""Texts that nothing is said to: their vectors, their tokens, and the prompt that a chat becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from cortex.core.job import Cut, added
from cortex.server.body import read_object
from cortex.server.frame import json_response, warn
from cortex.server.gone import while_connected
from cortex.server.service import Card
from cortex.server.site import site_of, trace_of
from cortex.server.wire import chat, embeddings, tokens
from cortex.server.wire import docs_texts as docs
from cortex.server.wire.chat import model_name
from cortex.server.wire.response import told
from cortex.server.wire.tokens import CutRequest

router = APIRouter(tags=["texts"])


@router.post(
    "/v1/embeddings",
    summary="Vectors of texts",
    response_model=None,
    responses=docs.EMBEDDINGS,
    openapi_extra=docs.EMBEDDINGS_REQUEST,
)
async def embed(request: Request) -> Response:
    """One vector for each text. Texts whose meanings are near have vectors that are near."""
    body, card = await _asked(request)
    asked = embeddings.read(body, strict=site_of(request).options.strict_fields)
    warn(trace_of(request), asked.warnings)
    vectors = await while_connected(request.receive, site_of(request).service.vectors(card, asked.jobs))
    trace_of(request).usage = added(vector.usage for vector in vectors)
    return json_response(embeddings.embeddings(asked, vectors))


_TOKENIZE: dict[str, Any] = {
    "summary": "The tokens of a text",
    "response_model": None,
    "responses": docs.TOKENS,
    "openapi_extra": docs.TOKENIZE_REQUEST,
}


@router.post("/tokenize", **_TOKENIZE)
@router.post("/v1/tokenize", **_TOKENIZE)
async def tokenize(request: Request) -> Response:
    """As llama-server has it."""
    body, card = await _asked(request)
    asked = tokens.read_tokenize(body, strict=site_of(request).options.strict_fields)
    return await _cut(request, card, asked, tokens.tokens)


_DETOKENIZE: dict[str, Any] = {
    "summary": "The text of tokens",
    "response_model": None,
    "responses": docs.TEXT,
    "openapi_extra": docs.DETOKENIZE_REQUEST,
}


@router.post("/detokenize", **_DETOKENIZE)
@router.post("/v1/detokenize", **_DETOKENIZE)
async def detokenize(request: Request) -> Response:
    """As llama-server has it. Bytes that are no whole characters become U+FFFD."""
    body, card = await _asked(request)
    asked = tokens.read_detokenize(body, strict=site_of(request).options.strict_fields)
    return await _cut(request, card, asked, tokens.content)


_PROMPT: dict[str, Any] = {
    "summary": "The prompt that a chat becomes",
    "response_model": None,
    "responses": docs.PROMPT,
    "openapi_extra": docs.PROMPT_REQUEST,
}


@router.post("/apply-template", **_PROMPT)
@router.post("/v1/apply-template", **_PROMPT)
async def apply_template(request: Request) -> Response:
    """Takes the body of a chat request, and refuses what that would be refused for. Loads no model."""
    body, card = await _asked(request)
    asked = chat.read(body, card.defaults, strict=site_of(request).options.strict_fields)
    warn(trace_of(request), asked.warnings)
    prompt = await while_connected(request.receive, site_of(request).service.prompt(card, asked.chat))
    return json_response({"prompt": prompt} | told(asked.warnings))


async def _asked(request: Request) -> tuple[Mapping[str, Any], Card]:
    """The body of the request, and the model that it names."""
    body = await read_object(request, site_of(request).options)
    trace_of(request).model = name = model_name(body)
    return body, site_of(request).service.find(name)


async def _cut(
    request: Request, card: Card, asked: CutRequest, written: Callable[[CutRequest, Cut], dict[str, Any]]
) -> Response:
    warn(trace_of(request), asked.warnings)
    work = site_of(request).service.cut(card, (asked.segment,), whole=asked.whole)
    return json_response(written(asked, await while_connected(request.receive, work)))
