"""`pydantic-ai`: an agent that runs its own tool loop, whole and streamed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from scene import FIRST, FUNCTIONS, SECOND, call, tell

# docs
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

provider = OpenAIProvider(base_url="http://localhost:39281/v1", api_key="not-needed")
agent = Agent(OpenAIChatModel("qwen2.5-coder:1.5b", provider=provider), model_settings={"temperature": 0})
# end

for function in FUNCTIONS.values():
    agent.tool_plain(function)


def told(messages: Sequence[Any], *, pieces: int = 0) -> None:
    for reply in (message for message in messages if isinstance(message, ModelResponse)):
        parts = reply.parts
        tell(
            streamed=bool(pieces),
            calls=[call(p.tool_call_id, p.tool_name, p.args_as_dict()) for p in parts if isinstance(p, ToolCallPart)],
            text="".join(part.content for part in parts if isinstance(part, TextPart)),
            pieces=pieces,
            finish={"tool_call": "tool_calls"}.get(str(reply.finish_reason), reply.finish_reason),
            prompt=reply.usage.input_tokens,
            completion=reply.usage.output_tokens,
        )


async def main() -> None:
    done = await agent.run(FIRST)
    told(done.new_messages())
    async with agent.run_stream(SECOND, message_history=done.all_messages()) as stream:
        pieces = [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]
    told(stream.new_messages(), pieces=len(pieces))


asyncio.run(main())
