"""The shapes of the answers of `/v1/responses`, for the API's documentation and the tests. Nothing is parsed here."""

from __future__ import annotations

from typing import Any, Literal

from cortex.server.wire.docs import (
    ASKED,
    BODY,
    READ,
    CortexFields,
    Responses,
    Shape,
    TokenLogprob,
    error,
    event_stream,
    request,
)
from cortex.server.wire.fields import request_schema
from cortex.server.wire.responses_fields import TABLE

Status = Literal["in_progress", "completed", "incomplete"]
Any_ = dict[str, Any]


class OutputText(Shape):
    """`logprobs` are of the text's tokens, where they were asked for."""

    type: Literal["output_text"]
    text: str
    annotations: list[Any_]
    logprobs: list[TokenLogprob]


class OutputMessage(Shape):
    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    status: Status
    content: list[OutputText]


class ReasoningText(Shape):
    type: Literal["reasoning_text"]
    text: str


class Reasoning(Shape):
    """A thought, in full."""

    id: str
    type: Literal["reasoning"]
    summary: list[Any_]
    content: list[ReasoningText]
    status: Status


class ResponseCall(Shape):
    id: str
    type: Literal["function_call"]
    status: Status
    call_id: str
    name: str
    arguments: str


class ResponseCustomCall(Shape):
    id: str
    type: Literal["custom_tool_call"]
    call_id: str
    name: str
    input: str


class ResponseErrorFields(Shape):
    code: Literal["server_error"]
    message: str


class Incomplete(Shape):
    reason: Literal["max_output_tokens"]


class InputDetails(Shape):
    cached_tokens: int
    cache_write_tokens: int


class OutputDetails(Shape):
    reasoning_tokens: int


class ResponseUsage(Shape):
    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class ResponseBody(Shape):
    """An answer; those that an event of a stream holds may be `in_progress` or `failed`. Much is of its request."""

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    error: ResponseErrorFields | None
    incomplete_details: Incomplete | None
    output: list[OutputMessage | Reasoning | ResponseCall | ResponseCustomCall]
    usage: ResponseUsage | None
    background: Literal[False]
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    metadata: dict[str, str]
    model: str
    parallel_tool_calls: bool
    previous_response_id: str | None
    prompt_cache_key: str | None
    reasoning: Any_
    safety_identifier: str | None
    service_tier: Literal["default"]
    temperature: float
    text: Any_
    tool_choice: str | Any_
    tools: list[Any_]
    top_logprobs: int
    top_p: float
    truncation: Literal["disabled"]
    user: str | None
    cortex: CortexFields


class Deleted(Shape):
    id: str
    object: Literal["response"]
    deleted: Literal[True]


class ItemList(Shape):
    object: Literal["list"]
    data: list[Any_]
    first_id: str
    last_id: str
    has_more: bool


_EVENTS = "Events `event: ...`, `data: {...}`, as OpenAI has them; the last is that of the whole response."
_WRONG: Responses = {400: error("A parameter cannot be obeyed; `param` names it.")}

RESPONSE: Responses = {
    200: {"model": ResponseBody, "description": "The answer.", "content": event_stream(_EVENTS)},
    **BODY,
    **ASKED,
    **READ,
}
KEPT: Responses = {200: {"model": ResponseBody, "description": "The answer."}, **_WRONG, **READ}
DELETED: Responses = {200: {"model": Deleted, "description": "It is forgotten."}, **READ}
ITEMS: Responses = {200: {"model": ItemList, "description": "The items."}, **_WRONG, **READ}
RESPONSE_REQUEST = request(request_schema(TABLE, ("model", "input")))
