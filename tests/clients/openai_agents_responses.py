"""`openai-agents` with its default model, which asks the Responses API: an agent that runs its own tool loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from agents import ModelSettings, Runner, function_tool
from agents.items import ModelResponse
from scene import FIRST, FUNCTIONS, SECOND, call, tell

# docs
from agents import Agent, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI

set_tracing_disabled(True)  # traces would go to OpenAI
set_default_openai_client(AsyncOpenAI(base_url="http://localhost:39281/v1", api_key="not-needed"))
model = "qwen2.5-coder:1.5b"
# end

settings = ModelSettings(temperature=0, include_usage=True)
agent = Agent(name="Helper", model=model, model_settings=settings, tools=[function_tool(f) for f in FUNCTIONS.values()])


def told(replies: Sequence[ModelResponse], *, pieces: int = 0) -> None:
    for reply in replies:
        items: list[Any] = reply.output
        tell(
            streamed=bool(pieces),
            calls=[call(item.call_id, item.name, item.arguments) for item in items if item.type == "function_call"],
            text="".join(part.text for item in items if item.type == "message" for part in item.content),
            pieces=pieces,
            prompt=reply.usage.input_tokens,
            completion=reply.usage.output_tokens,
        )


async def main() -> None:
    done = await Runner.run(agent, FIRST)
    told(done.raw_responses)
    stream = Runner.run_streamed(agent, [*done.to_input_list(), {"role": "user", "content": SECOND}])
    events = [event async for event in stream.stream_events() if event.type == "raw_response_event"]
    told(stream.raw_responses, pieces=len(events))


asyncio.run(main())
