"""The shapes of all replies, for the API's documentation and for the tests. Nothing is parsed here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from cortex.config.table import CACHE_TYPES
from cortex.server.wire.fields import request_schema

Responses = dict[int | str, dict[str, Any]]
FinishReason = Literal["stop", "length", "tool_calls", "function_call"]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ErrorFields(Shape):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorReply(Shape):
    """OpenAI's error object; `message` is there once more for Cortex's own clients."""

    error: ErrorFields
    message: str


class Warnings(Shape):
    warnings: list[str]


class Warned(Shape):
    """`cortex.warnings` name what the request asked for to no effect; `warning` is the same in one text."""

    warning: str | None = None
    cortex: Warnings | None = None


class MessageReply(Warned):
    message: str


class LoadingReply(Shape):
    """`progress` is the loaded fraction, 0 to 1."""

    message: str
    progress: float


class FunctionCall(Shape):
    name: str
    arguments: str


class ToolCall(Shape):
    id: str
    type: Literal["function"]
    function: FunctionCall


class CustomCall(Shape):
    name: str
    input: str


class CustomToolCall(Shape):
    id: str
    type: Literal["custom"]
    custom: CustomCall


class AssistantMessage(Shape):
    """`function_call` comes in place of `tool_calls` where the request had `functions`."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    tool_calls: list[ToolCall | CustomToolCall] | None = None
    function_call: FunctionCall | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class Token(Shape):
    """`token` is the spelling where it is whole characters; `bytes` are exact."""

    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(Token):
    top_logprobs: list[Token]


class Logprobs(Shape):
    """Of all tokens of the reply, also of calls: among those that the grammar allowed, at temperature 1."""

    content: list[TokenLogprob]
    refusal: None


class Choice(Shape):
    index: int
    message: AssistantMessage
    logprobs: Logprobs | None
    finish_reason: FinishReason


class PromptDetails(Shape):
    cached_tokens: int


class CompletionDetails(Shape):
    reasoning_tokens: int
    accepted_prediction_tokens: int
    rejected_prediction_tokens: int


class Usage(Shape):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class CortexFields(Shape):
    """Our own: what of the request had no effect, and what the grammar saved."""

    warnings: list[str] | None = None
    forced_tokens: int | None = None
    decodes: int | None = None


class ChatCompletion(Shape):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage
    cortex: CortexFields


class FunctionDelta(Shape):
    name: str | None = None
    arguments: str


class CustomDelta(Shape):
    name: str | None = None
    input: str


class ToolCallDelta(Shape):
    """The first of a call has its id, type and name; each has `function` or `custom`."""

    index: int
    id: str | None = None
    type: Literal["function", "custom"] | None = None
    function: FunctionDelta | None = None
    custom: CustomDelta | None = None


class Delta(Shape):
    role: Literal["assistant"] | None = None
    content: str | None = None
    tool_calls: list[ToolCallDelta] | None = None
    function_call: FunctionDelta | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class ChunkChoice(Shape):
    index: int
    delta: Delta
    logprobs: Logprobs | None
    finish_reason: FinishReason | None


class ChatCompletionChunk(Shape):
    """`cortex.warnings` are in the first chunk, the counters in the one with the usage."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: Usage | None = None
    cortex: CortexFields | None = None


class Model(BaseModel):
    """A model on this machine, with its settings beside these fields."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    model: str
    engine: str
    status: Literal["downloaded"]


class ModelList(Shape):
    object: Literal["list"]
    data: list[Model]
    result: Literal["OK"]


class LoadedModel(Shape):
    """Memory in bytes: what its process holds (`ram`, `vram`) and what it was expected to take (`memory`). `uptime`,
    `idle` and `unloads_in` in seconds; null where it is at work, or stays."""

    id: str
    model: str
    object: Literal["model"]
    engine: str
    ram: int
    vram: int
    start_time: int
    uptime: float
    memory: int
    ctx_len: int
    idle: float | None
    unloads_in: float | None


class LoadedList(Shape):
    object: Literal["list"]
    data: list[LoadedModel]


def error(about: str) -> dict[str, Any]:
    return {"model": ErrorReply, "description": about}


READ: Responses = {
    401: error("An API key is needed, and this is none."),
    403: error("The request comes from a web page that is not allowed to ask."),
    404: error("There is no such model or route."),
    500: error("The server or the model's runner failed."),
}
BODY: Responses = {
    400: error("The request cannot be obeyed; `param` names the field."),
    408: error("The body did not arrive in time."),
    413: error("The body is too large."),
    415: error("The body's content encoding is not understood."),
    503: error("The model cannot be loaded; with `Retry-After`: not now."),
}
ASKED: Responses = {429: error("Too many requests wait for this model; `Retry-After` says when to come back.")}


def event_stream(about: str) -> dict[str, Any]:
    """A stream's content: the schema is that of one event, as OpenAPI 3.2 defines it and tools read it in 3.1."""
    schema = {"type": "object", "required": ["data"], "properties": {"data": {"type": "string"}}, "description": about}
    return {"text/event-stream": {"schema": schema}}


_CHUNKS = (
    'Chunks `data: {...}`, each a ChatCompletionChunk, then `data: [DONE]`; `data: {"error": ...}` after a failure.'
)

CHAT_RESPONSES: Responses = {
    200: {
        "model": ChatCompletion,
        "description": "The answer.",
        "content": event_stream(_CHUNKS),
    },
    **BODY,
    **ASKED,
    **READ,
}
MESSAGE: Responses = {200: {"model": MessageReply, "description": "It is so."}, **BODY, **READ}
STATUS: Responses = {
    200: {"model": MessageReply, "description": "It answers now."},
    202: {"model": LoadingReply, "description": "It is being loaded."},
    400: error("It is not loaded."),
    **READ,
}
MODEL_LIST: Responses = {200: {"model": ModelList, "description": "The list."}, **READ}
LOADED: Responses = {200: {"model": LoadedList, "description": "The list."}, **READ}


def request(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


CHAT_REQUEST = request(request_schema())
MODEL_NAME = request({"type": "object", "required": ["model"], "properties": {"model": {"type": "string"}}})
START = request(
    {
        "type": "object",
        "required": ["model"],
        "properties": {
            "model": {"type": "string"},
            "ctx_len": {"type": "integer", "minimum": 1, "description": "Tokens of context for one request."},
            "n_parallel": {"type": "integer", "minimum": 1, "description": "Requests that are decoded together."},
            "ngl": {"type": "integer", "description": "Layers on the GPU; -1: all."},
            "cpu_threads": {"type": "integer", "minimum": 0, "description": "0: as many as compute best."},
            "cache_type": {"enum": list(CACHE_TYPES), "description": "The numbers of the KV cache."},
            "flash_attn": {"type": "boolean"},
            "keep_alive": {
                "anyOf": [{"type": "number"}, {"type": "string"}],
                "description": "How long it stays loaded without work: seconds, `30m`, or `off` for ever.",
            },
            "model_path": {"type": "string", "description": "A GGUF file that is imported under this name."},
        },
    }
)
EXTRA_SHAPES: tuple[type[BaseModel], ...] = (ChatCompletionChunk,)
