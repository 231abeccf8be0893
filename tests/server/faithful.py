"""Every answer of a test's server against the models of the installed `openai` package, strictly, on its way out.

It stands around the server, so that no test needs to ask for it: whatever a test sends, its answers are checked.
"""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, get_args

import pydantic
from openai.types import Completion, CreateEmbeddingResponse, Model, ModelDeleted
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseItemList, ResponseStreamEvent
from openai.types.shared import ErrorObject
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OURS = {  # fields that OpenAI does not have, and where docs/api.md says that we send them
    "cortex",
    "choices.message.reasoning",
    "choices.message.reasoning_content",
    "choices.delta.reasoning",
    "choices.delta.reasoning_content",
    "choices.delta.tool_calls.custom",  # theirs are known whole, but not yet in chunks
    "response.cortex",
}
WHOLE: dict[str, type[pydantic.BaseModel]] = {
    "/v1/chat/completions": ChatCompletion,
    "/v1/completions": Completion,
    "/v1/embeddings": CreateEmbeddingResponse,
    "/v1/responses": Response,
}
CHUNKS: dict[str, type[pydantic.BaseModel]] = {
    "/v1/chat/completions": ChatCompletionChunk,
    "/v1/completions": Completion,
}
RESPONSE_EVENTS: dict[str, type[pydantic.BaseModel]] = {
    get_args(shape.model_fields["type"].annotation)[0]: shape for shape in get_args(get_args(ResponseStreamEvent)[0])
}
ENDS = ("response.completed", "response.incomplete", "response.failed")


class Faithful:
    """`problems` are what was wrong with the answers so far."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self.problems = app, list[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        answer = Sent(scope["path"])

        async def overhear(message: Message) -> None:
            answer.hear(message)
            await send(message)

        try:
            await self._app(scope, receive, overhear)
        finally:
            self.problems += answer.problems()


@dataclass
class Sent:
    """One answer, as far as it was sent."""

    path: str
    status: int = 0
    headers: Headers = field(default_factory=Headers)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False

    def hear(self, message: Message) -> None:
        match message["type"]:
            case "http.response.start":
                self.status, self.headers = message["status"], Headers(raw=message["headers"])
            case "http.response.body":
                self.body += message.get("body", b"")
                self.ended = not message.get("more_body", False)

    def problems(self) -> list[str]:
        if not self.status:
            return []  # the client left before anything was sent
        found = [] if self.headers.get("x-request-id") else ["no x-request-id"]
        return [f"{self.path} {self.status}: {problem}" for problem in (*found, *self._in_form())]

    def _in_form(self) -> Iterator[str]:
        kind = self.headers.get("content-type", "").partition(";")[0]
        if kind == "text/event-stream" and self.path == "/v1/responses":
            yield from response_problems(bytes(self.body), self.ended)
        elif kind == "text/event-stream":
            for event in events(bytes(self.body)):
                yield from event_problems(event, CHUNKS[self.path])
        elif self.status >= 400 and self.ended and self.body:
            yield from error_problems(json.loads(self.body))
        elif kind == "application/json" and self.ended:
            yield from body_problems(self.path, json.loads(self.body))


def events(raw: bytes) -> Iterator[Any]:
    """The data of the whole events of a stream; what follows the last blank line was cut off by a client that left."""
    for event in raw.decode(errors="replace").split("\n\n")[:-1]:
        if event.startswith(":") or event == "data: [DONE]":
            continue
        yield json.loads(event.removeprefix("data: "))


def event_problems(event: Any, shape: type[pydantic.BaseModel]) -> Iterator[str]:
    if shape is Completion and "choices" in event:
        event = event | {"choices": [ended(followed(choice)) for choice in event["choices"]]}
    yield from error_problems(event) if "error" in event else problems(event, shape)


def response_problems(raw: bytes, ended: bool) -> Iterator[str]:
    """The events of a streamed response: each one of OpenAI's, numbered, and one that ends it the last."""
    lines = [event.split("\n") for event in raw.decode(errors="replace").split("\n\n")[:-1] if event[:1] != ":"]
    told = [(line[0].removeprefix("event: "), json.loads(line[1].removeprefix("data: "))) for line in lines]
    for number, (name, event) in enumerate(told):
        if event["type"] != name or event["sequence_number"] != number:
            yield f"event {number} is named {name} and says {event['type']}, {event['sequence_number']}"
        yield from problems(event, RESPONSE_EVENTS[name]) if name in RESPONSE_EVENTS else [f"no event {name}"]
    if ended and told and told[-1][0] not in ENDS:
        yield f"a stream that ends with {told[-1][0]}"


def body_problems(path: str, body: Any) -> Iterator[str]:
    if path == "/v1/completions":
        body = body | {"choices": [*map(followed, body["choices"])]}
    if path in WHOLE:
        yield from problems(body | {"data": [*map(decoded, body["data"])]} if "data" in body else body, WHOLE[path])
    elif path.endswith("/input_items"):
        yield from problems(body, ResponseItemList)
    elif path.startswith("/v1/responses/") and "deleted" not in body:
        yield from problems(body, Response)
    elif path == "/v1/models":
        for row in body["data"]:
            yield from problems(row, Model, own=row.keys())
    elif path.startswith("/v1/models/") and "deleted" in body:
        yield from problems(body, ModelDeleted, own={"message"})
    elif path.startswith("/v1/models/") and "object" in body:
        yield from problems(body, Model, own=body.keys())


def decoded(row: Any) -> Any:
    """A row of embeddings as the package's client makes it of base64: the models know only what it has made."""
    if isinstance(row["embedding"], str):
        return row | {"embedding": array("f", base64.b64decode(row["embedding"], validate=True)).tolist()}
    return row


def ended(choice: Any) -> Any:
    """A choice of a streamed text as if it were the last: OpenAI sends null before that, and its model has no null."""
    return choice | {"finish_reason": choice["finish_reason"] or "stop"}


def followed(choice: Any) -> Any:
    """A choice of a text as if its first token followed another: OpenAI sends null for it, which its model has not."""
    if not (told := choice["logprobs"]):
        return choice
    rows = {name: [{} if name == "top_logprobs" else 0.0, *told[name][1:]]
            for name in ("token_logprobs", "top_logprobs") if told[name] and told[name][0] is None}  # fmt: skip
    return choice | {"logprobs": told | rows}


def problems(value: Any, shape: type[pydantic.BaseModel], own: Any = ()) -> Iterator[str]:
    """What keeps `value` from being one of `shape`: wrong types, and fields that neither OpenAI nor we document."""
    try:
        found = shape.model_validate(untyped(value) if shape is ChatCompletionChunk else value, strict=True)
    except pydantic.ValidationError as error:
        yield str(error)
        return
    unknown = set(extras(found)) - OURS - set(own)
    if unknown:
        yield f"{shape.__name__} has no {', '.join(sorted(unknown))}"


def untyped(chunk: Any) -> Any:
    """The chunk without the type of custom calls, which the package's model of a chunk does not know yet."""
    chunk = deepcopy(chunk)
    for choice in chunk["choices"]:
        for entry in choice["delta"].get("tool_calls", []):
            if entry.get("type") == "custom":
                del entry["type"]
    return chunk


def error_problems(body: Any) -> Iterator[str]:
    """OpenAI's error object with its four fields, and the flat `message` beside it."""
    match body:
        case {"error": {"message": str(said), **fields}, "message": str(flat)} if len(body) == 2 and said == flat:
            if fields.keys() != {"type", "param", "code"}:
                yield f"an error whose fields are message, {', '.join(fields)}"
            yield from problems(body["error"], ErrorObject)
        case _:
            yield f"an error that is {body!r}"


def extras(value: Any, at: str = "") -> Iterator[str]:
    """The dotted places of the fields that the package's models do not know; places in lists are left out."""
    match value:
        case pydantic.BaseModel():
            yield from (f"{at}{name}" for name in value.model_extra or ())
            for name in type(value).model_fields:
                yield from extras(getattr(value, name), f"{at}{name}.")
        case list():
            for item in value:
                yield from extras(item, at)
