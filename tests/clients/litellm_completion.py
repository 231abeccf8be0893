"""`litellm`: `completion`, whole and streamed."""

from __future__ import annotations

from typing import Any

from scene import FIRST, SECOND, TOOLS, call, result, tell

# docs
import litellm

model = "openai/qwen2.5-coder:1.5b"  # `openai/` names the API that the server speaks
server = {"api_base": "http://localhost:39281/v1", "api_key": "not-needed"}
# end

messages: list[Any] = []


def told(reply: Any, pieces: int = 0) -> Any:
    choice = reply.choices[0]
    tell(
        streamed=bool(pieces),
        calls=[call(c.id, c.function.name, c.function.arguments) for c in choice.message.tool_calls or []],
        text=choice.message.content,
        pieces=pieces,
        finish=choice.finish_reason,
        prompt=reply.usage.prompt_tokens,
        completion=reply.usage.completion_tokens,
    )
    return choice.message


def ask(**more: Any) -> Any:
    return litellm.completion(model=model, messages=messages, tools=TOOLS, temperature=0, **server, **more)


def whole() -> Any:
    return told(ask())


def streamed() -> Any:
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))
    return told(litellm.stream_chunk_builder(chunks), len(chunks))


for question, once in ((FIRST, whole), (SECOND, streamed)):
    messages.append({"role": "user", "content": question})
    for _ in range(2):
        message = once()
        messages.append(message.model_dump(exclude_none=True))
        for made in message.tool_calls or []:
            content = result(made.function.name, made.function.arguments)
            messages.append({"role": "tool", "tool_call_id": made.id, "content": content})
