"""`POST /v1/completions`: texts continued as they are, streamed or whole from the same events."""

from __future__ import annotations

from contextlib import aclosing

from fastapi import APIRouter, Request, Response

from cortex.core.events import Reply
from cortex.core.job import Segment
from cortex.server.body import read_object
from cortex.server.frame import json_response, warn
from cortex.server.gone import while_connected
from cortex.server.routes.chat import chunks
from cortex.server.service import Answer, Card, Service
from cortex.server.site import Site, Trace, site_of, trace_of
from cortex.server.sse import EventStream
from cortex.server.wire import completions as wire
from cortex.server.wire import docs_texts as docs
from cortex.server.wire.chat import model_name
from cortex.server.wire.completions import CompletionRequest
from cortex.server.wire.continued import TextWriter, completion, spent
from cortex.server.wire.response import Head

router = APIRouter(tags=["texts"])


@router.post(
    "/v1/completions",
    summary="Continue texts",
    response_model=None,
    responses=docs.COMPLETION,
    openapi_extra=docs.COMPLETION_REQUEST,
)
async def completions(request: Request) -> Response:
    """Without any template. With `stream`, the answer comes as server-sent events."""
    site, trace = site_of(request), trace_of(request)
    body = await read_object(request, site.options)
    trace.model = model_name(body)
    card = site.service.find(trace.model)
    asked = wire.read(body, card.defaults, strict=site.options.strict_fields)
    work = _streamed(site, trace, card, asked) if asked.stream else _whole(site, trace, card, asked)
    return await while_connected(request.receive, work)


async def _whole(site: Site, trace: Trace, card: Card, asked: CompletionRequest) -> Response:
    answer = await site.service.texts(card, asked.passages, asked.drafts)
    replies = [Reply() for _ in range(asked.drafts * len(asked.passages))]
    async with aclosing(answer.choices) as choices:
        async for index, event in choices.events():
            replies[index].add(event)
        echoed = await _echoed(site.service, card, asked)
    trace.usage = spent([reply.usage for reply in replies], asked.drafts)
    return json_response(completion(_head(site, trace, asked, answer), asked, replies, echoed))


async def _streamed(site: Site, trace: Trace, card: Card, asked: CompletionRequest) -> Response:
    answer = await site.service.texts(card, asked.passages, asked.count)
    try:
        echoed = await _echoed(site.service, card, asked)
    except BaseException:
        await answer.choices.aclose()
        raise
    writer = TextWriter(_head(site, trace, asked, answer), asked, echoed)
    return EventStream(chunks(answer, writer, trace), close=answer.choices.aclose, silence=site.options.silence)


async def _echoed(service: Service, card: Card, asked: CompletionRequest) -> list[str]:
    """The prompts as they are to be shown, if they are: the model's vocabulary knows what tokens spell."""
    if not asked.echo:
        return []
    segments = [segment for passage in asked.passages for segment in passage.job.prompt]
    return [await _text(service, card, segment) for segment in segments]


async def _text(service: Service, card: Card, segment: Segment) -> str:
    if not segment.tokens:
        return segment.text
    return (await service.cut(card, (segment,), whole=False)).text.decode(errors="replace")


def _head(site: Site, trace: Trace, asked: CompletionRequest, answer: Answer) -> Head:
    warn(trace, asked.warnings)
    return Head(site.new_id("cmpl-"), int(site.clock()), asked.model, answer.fingerprint, asked.warnings)
