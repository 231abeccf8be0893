"""`POST /v1/chat/completions`, streamed or whole: both are the same events."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing

from fastapi import APIRouter, Request, Response

from cortex.core.errors import CortexError
from cortex.core.events import Reply
from cortex.core.job import total
from cortex.server.body import read_object
from cortex.server.frame import crash, json_response, warn
from cortex.server.gone import while_connected
from cortex.server.service import Answer, Card
from cortex.server.site import Site, Trace, site_of, trace_of
from cortex.server.sse import EventStream
from cortex.server.wire import chat as wire
from cortex.server.wire import docs
from cortex.server.wire.chat import ChatRequest
from cortex.server.wire.response import Head, completion
from cortex.server.wire.stream import ChunkWriter, Writer

log = logging.getLogger("cortex.server")
router = APIRouter(tags=["chat"])


@router.post(
    "/v1/chat/completions",
    summary="Ask a model",
    response_model=None,
    responses=docs.CHAT_RESPONSES,
    openapi_extra=docs.CHAT_REQUEST,
)
async def chat_completions(request: Request) -> Response:
    """Loads the model if it is not loaded. With `stream`, the answer comes as server-sent events."""
    site, trace = site_of(request), trace_of(request)
    body = await read_object(request, site.options)
    trace.model = wire.model_name(body)
    card = site.service.find(trace.model)
    asked = wire.read(body, card.defaults, strict=site.options.strict_fields)
    if asked.stream:
        answer = await while_connected(request.receive, site.service.answer(card, asked.chat, asked.count))
        return _streamed(site, trace, asked, answer)
    return await while_connected(request.receive, _whole(site, trace, card, asked))


async def _whole(site: Site, trace: Trace, card: Card, asked: ChatRequest) -> Response:
    answer = await site.service.answer(card, asked.chat, asked.count)
    head = _head(site, trace, asked, answer)
    replies = [Reply() for _ in range(asked.count)]
    async with aclosing(answer.choices) as choices:
        async for index, event in choices.events():
            replies[index].add(event)
    trace.usage = total([reply.usage for reply in replies])
    return json_response(completion(head, *replies))


def _streamed(site: Site, trace: Trace, asked: ChatRequest, answer: Answer) -> Response:
    writer = ChunkWriter(_head(site, trace, asked, answer), include_usage=asked.include_usage, count=asked.count)
    return EventStream(chunks(answer, writer, trace), close=answer.choices.aclose, silence=site.options.silence)


async def chunks(answer: Answer, writer: Writer, trace: Trace) -> AsyncIterator[bytes]:
    """The whole stream; a failure in it is its last event."""
    if head := writer.start():
        yield head
    try:
        async for index, event in answer.choices.events():
            if chunk := writer.event(event, index):
                yield chunk
        trace.usage = writer.usage
    except CortexError as error:
        log.warning("%s failed in mid-stream: %s", trace.id, error.message)
        yield writer.failed(error)
    except Exception:
        log.exception("%s failed in mid-stream", trace.id)
        yield writer.failed(crash(trace))


def _head(site: Site, trace: Trace, asked: ChatRequest, answer: Answer) -> Head:
    warnings = (*asked.warnings, *answer.warnings)
    warn(trace, warnings)
    return Head(site.new_id("chatcmpl-"), int(site.clock()), asked.model, answer.fingerprint, warnings, asked.shape)
