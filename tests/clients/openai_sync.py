"""`openai` for Python: whole replies, and a stream put together by hand, as most programs do it."""

from __future__ import annotations

from typing import Any

from scene import FIRST, SECOND, TOOLS, call, result, tell

# docs
from openai import OpenAI

client = OpenAI(base_url="http://localhost:39281/v1", api_key="not-needed")
model = "qwen2.5-coder:1.5b"
# end

messages: list[Any] = []


def whole() -> Any:
    reply = client.chat.completions.create(model=model, messages=messages, tools=TOOLS, temperature=0)
    choice, usage = reply.choices[0], reply.usage
    calls = [call(c.id, c.function.name, c.function.arguments) for c in choice.message.tool_calls or []]
    tell(
        streamed=False,
        calls=calls,
        text=choice.message.content,
        finish=choice.finish_reason,
        prompt=usage.prompt_tokens,
        completion=usage.completion_tokens,
    )
    return choice.message


def streamed() -> Any:
    calls: dict[int, Any] = {}
    text, finish, pieces, usage = "", None, 0, None
    for chunk in client.chat.completions.create(
        model=model,
        messages=messages,
        tools=TOOLS,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            pieces += 1
            finish = choice.finish_reason or finish
            text += choice.delta.content or ""
            for entry in choice.delta.tool_calls or []:
                known = calls.setdefault(entry.index, {"id": "", "type": "function", "function": {}})
                known["id"] += entry.id or ""
                for key in ("name", "arguments"):
                    known["function"][key] = known["function"].get(key, "") + (getattr(entry.function, key) or "")
    ordered = [calls[index] for index in sorted(calls)]
    tell(
        streamed=True,
        calls=[call(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in ordered],
        text=text,
        finish=finish,
        pieces=pieces,
        prompt=usage.prompt_tokens,
        completion=usage.completion_tokens,
    )
    return {"role": "assistant", "content": text or None} | ({"tool_calls": ordered} if ordered else {})


def plain(message: Any) -> dict[str, Any]:
    return message if isinstance(message, dict) else message.model_dump(exclude_none=True)


for question, ask in ((FIRST, whole), (SECOND, streamed)):
    messages.append({"role": "user", "content": question})
    for _ in range(2):
        message = ask()
        messages.append(message)
        for made in plain(message).get("tool_calls") or []:
            content = result(made["function"]["name"], made["function"]["arguments"])
            messages.append({"role": "tool", "tool_call_id": made["id"], "content": content})
