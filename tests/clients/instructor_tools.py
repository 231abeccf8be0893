"""`instructor`: two models in one reply as parallel calls, then answers that are a model, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from scene import FIRST, FUNCTIONS, SECOND, call, tell

# docs
import instructor
from openai import OpenAI

server = OpenAI(base_url="http://localhost:39281/v1", api_key="not-needed")
parallel = instructor.from_openai(server, mode=instructor.Mode.PARALLEL_TOOLS)  # several calls in a reply
single = instructor.from_openai(server, mode=instructor.Mode.TOOLS)  # one, and streams
# end


class get_weather(BaseModel):
    """Get the current weather in a city."""

    city: str


class get_local_time(BaseModel):
    """Get the local time in a city."""

    city: str


class Answer(BaseModel):
    """Answer the question."""

    text: str


asked: dict[str, Any] = {"model": "qwen2.5-coder:1.5b", "temperature": 0}
messages: list[Any] = []
replies: list[Any] = []  # as they came: the models alone say no ids
parallel.on("completion:response", replies.append)


def calls() -> None:
    models = list(parallel.create(messages=messages, response_model=Iterable[get_weather | get_local_time], **asked))
    reply = replies.pop()
    sent = reply.choices[0].message
    assert len(models) == len(sent.tool_calls)
    tell(
        streamed=False,
        calls=[call(c.id, type(m).__name__, m.model_dump()) for c, m in zip(sent.tool_calls, models, strict=True)],
        text=sent.content,
        finish=reply.choices[0].finish_reason,
        prompt=reply.usage.prompt_tokens,
        completion=reply.usage.completion_tokens,
    )
    messages.append(sent.model_dump(exclude_unset=True))
    for c, model in zip(sent.tool_calls, models, strict=True):
        content = FUNCTIONS[type(model).__name__](**model.model_dump())
        messages.append({"role": "tool", "tool_call_id": c.id, "content": content})


def whole() -> str:
    answer, reply = single.create_with_completion(messages=messages, response_model=Answer, **asked)
    usage = reply.usage
    tell(streamed=False, text=answer.text, prompt=usage.prompt_tokens, completion=usage.completion_tokens)
    return answer.text


def streamed() -> str:
    pieces = list(single.create_partial(messages=messages, response_model=Answer, **asked))
    tell(streamed=True, text=pieces[-1].text, pieces=len(pieces))
    return pieces[-1].text


for question, answer in ((FIRST, whole), (SECOND, streamed)):
    messages.append({"role": "user", "content": question})
    calls()
    messages.append({"role": "assistant", "content": answer()})
