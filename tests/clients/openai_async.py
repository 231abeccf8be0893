"""`openai` for Python, asynchronous: tools that are Pydantic models, `.parse()` and the `.stream()` helper."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
from pydantic import BaseModel
from scene import FIRST, SECOND, call, result, tell

# docs
from openai import AsyncOpenAI

client = AsyncOpenAI(base_url="http://localhost:39281/v1", api_key="not-needed")
model = "qwen2.5-coder:1.5b"
# end


class Weather(BaseModel):
    """Get the current weather in a city."""

    city: str


class LocalTime(BaseModel):
    """Get the local time in a city."""

    city: str


TOOLS: Any = [
    openai.pydantic_function_tool(Weather, name="get_weather"),
    openai.pydantic_function_tool(LocalTime, name="get_local_time"),
]


def told(completion: Any, *, streamed: bool, pieces: int = 0) -> Any:
    choice, usage = completion.choices[0], completion.usage
    calls = choice.message.tool_calls or []
    assert all(isinstance(c.function.parsed_arguments, Weather | LocalTime) for c in calls)
    tell(
        streamed=streamed,
        calls=[call(c.id, c.function.name, c.function.parsed_arguments.model_dump()) for c in calls],
        text=choice.message.content,
        pieces=pieces,
        finish=choice.finish_reason,
        prompt=usage.prompt_tokens,
        completion=usage.completion_tokens,
    )
    return choice.message


async def whole(asked: Any) -> Any:
    return told(await client.chat.completions.parse(**asked), streamed=False)


async def streamed(asked: Any) -> Any:
    async with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        events = [event async for event in stream]
        final = await stream.get_final_completion()
    done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
    assert [event.index for event in done] == list(range(len(final.choices[0].message.tool_calls or [])))
    return told(final, streamed=True, pieces=len(events))


async def main() -> None:
    messages: list[Any] = []
    for question, ask in ((FIRST, whole), (SECOND, streamed)):
        messages.append({"role": "user", "content": question})
        for _ in range(2):
            message = await ask({"model": model, "messages": messages, "tools": TOOLS, "temperature": 0})
            messages.append(message)
            for made in message.tool_calls or []:
                content = result(made.function.name, made.function.arguments)
                messages.append({"role": "tool", "tool_call_id": made.id, "content": content})


asyncio.run(main())
