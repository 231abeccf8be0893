"""`/v1/responses`: the same chats in OpenAI's newer form, and those that are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from cortex.core.errors import BadRequest, NotFound
from cortex.server.body import read_object
from cortex.server.frame import json_response, warn
from cortex.server.gone import while_connected
from cortex.server.kept import Kept
from cortex.server.routes.chat import chunks
from cortex.server.service import Answer, Card
from cortex.server.site import Site, Trace, site_of, trace_of
from cortex.server.sse import EventStream
from cortex.server.wire import docs_responses as docs
from cortex.server.wire import responses as wire
from cortex.server.wire.chat import model_name
from cortex.server.wire.responses import ResponseRequest
from cortex.server.wire.responses_events import ResponseHead, ResponseWriter

router = APIRouter(prefix="/v1/responses", tags=["responses"])


@router.post(
    "",
    summary="Ask a model, in items",
    response_model=None,
    responses=docs.RESPONSE,
    openapi_extra=docs.RESPONSE_REQUEST,
)
async def create(request: Request) -> Response:
    """Loads the model if it is not loaded. With `stream`, the answer comes as server-sent events."""
    site, trace = site_of(request), trace_of(request)
    body = await read_object(request, site.options)
    trace.model = model_name(body)
    card = site.service.find(trace.model)
    strict = site.options.strict_fields
    asked = wire.read(body, card.defaults, site.responses, site.new_id, strict=strict)
    if asked.stream:
        answer = await while_connected(request.receive, _answer(site, card, asked))
        events = _events(site, trace, asked, answer)
        return EventStream(events, close=answer.choices.aclose, silence=site.options.silence)
    return await while_connected(request.receive, _whole(site, trace, card, asked))


async def _answer(site: Site, card: Card, asked: ResponseRequest) -> Answer:
    try:
        return await site.service.answer(card, asked.chat)
    except BadRequest as error:
        raise wire.renamed(error) from error


def _writer(site: Site, trace: Trace, asked: ResponseRequest, answer: Answer) -> ResponseWriter:
    warnings = (*asked.warnings, *map(wire.reworded, answer.warnings))
    warn(trace, warnings)
    head = ResponseHead(site.new_id("resp_"), int(site.clock()), asked.told, asked.shape, warnings)
    return ResponseWriter(head, site.new_id, site.clock)


async def _whole(site: Site, trace: Trace, card: Card, asked: ResponseRequest) -> Response:
    answer = await _answer(site, card, asked)
    writer = _writer(site, trace, asked, answer)
    async with aclosing(answer.choices) as choices:
        async for index, event in choices.events():
            writer.event(event, index)
    trace.usage = writer.usage
    _keep(site, asked, writer)
    return json_response(writer.response())


async def _events(site: Site, trace: Trace, asked: ResponseRequest, answer: Answer) -> AsyncIterator[bytes]:
    writer = _writer(site, trace, asked, answer)
    async for chunk in chunks(answer, writer, trace):
        if writer.ended:  # before the client knows: its next request may go on from here
            _keep(site, asked, writer)
        yield chunk


def _keep(site: Site, asked: ResponseRequest, writer: ResponseWriter) -> None:
    if asked.keep:
        site.responses.put(Kept(writer.response(), asked.before, asked.items))


@router.get("/{response_id}", summary="A response that is kept", response_model=None, responses=docs.KEPT)
async def retrieve(request: Request, response_id: str) -> Response:
    if request.query_params.get("stream", "false") != "false":
        raise BadRequest("stream: a response that has ended is not streamed again; leave it out", param="stream")
    return json_response(_kept(request, response_id).response)


@router.delete("/{response_id}", summary="Forget a response", response_model=None, responses=docs.DELETED)
async def delete(request: Request, response_id: str) -> Response:
    """Responses that went on from it keep what they know of it."""
    _kept(request, response_id)
    site_of(request).responses.drop(response_id)
    return json_response({"id": response_id, "object": "response", "deleted": True})


@router.get("/{response_id}/input_items", summary="What it answered", response_model=None, responses=docs.ITEMS)
async def input_items(
    request: Request,
    response_id: str,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Literal["asc", "desc"] = "desc",
    after: str = "",
) -> Response:
    """The items of its request, and of the conversation before it. The newest come first, unless `order` is `asc`."""
    items = list(_kept(request, response_id).input)[:: 1 if order == "asc" else -1]
    places = [at for at, item in enumerate(items, start=1) if item["id"] == after]
    if after and not places:
        raise BadRequest(f"after: the response has no item {after!r:.60}", param="after")
    rest = items[places[0] if places else 0 :]
    return json_response(_page(rest[:limit], more=len(rest) > limit))


def _page(items: list[Any], *, more: bool) -> dict[str, Any]:
    ids = [item["id"] for item in items] or [""]
    return {"object": "list", "data": items, "first_id": ids[0], "last_id": ids[-1], "has_more": more}


def _kept(request: Request, id: str) -> Kept:
    found = site_of(request).responses.get(id)
    if found is None:
        raise NotFound(f"there is no response {id!r:.80}: only the last ones are kept, in memory")
    return found
