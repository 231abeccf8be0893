"""`llama-index-llms-openai-like`: tools, whole and streamed."""

from __future__ import annotations

from typing import Any

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from scene import FIRST, FUNCTIONS, SECOND, call, tell

# docs
from llama_index.llms.openai_like import OpenAILike

server = {"api_base": "http://localhost:39281/v1", "api_key": "not-needed", "context_window": 8192}
kind = {"is_chat_model": True, "is_function_calling_model": True}  # without these it sends no tools
llm = OpenAILike(model="qwen2.5-coder:1.5b", temperature=0, **server, **kind)
# end

tools = [FunctionTool.from_defaults(function) for function in FUNCTIONS.values()]
messages: list[ChatMessage] = []
options: dict[str, Any] = {"allow_parallel_tool_calls": True}


def told(reply: Any, pieces: int = 0) -> Any:
    made = llm.get_tool_calls_from_response(reply, error_on_no_tool_call=False)
    last = reply.raw.choices[0] if reply.raw.choices else None
    usage = {} if pieces else {"prompt": reply.raw.usage.prompt_tokens, "completion": reply.raw.usage.completion_tokens}
    tell(
        streamed=bool(pieces),
        calls=[call(c.tool_id, c.tool_name, c.tool_kwargs) for c in made],
        text=reply.message.content,
        pieces=pieces,
        **({"finish": last.finish_reason} if last else {}),
        **usage,
    )
    messages.append(reply.message)
    return made


def whole() -> Any:
    return told(llm.chat_with_tools(tools, chat_history=messages, **options))


def streamed() -> Any:
    pieces = list(llm.stream_chat_with_tools(tools, chat_history=messages, **options))
    return told(pieces[-1], len(pieces))


for question, ask in ((FIRST, whole), (SECOND, streamed)):
    messages.append(ChatMessage(role="user", content=question))
    for _ in range(2):
        for made in ask():
            content = FUNCTIONS[made.tool_name](**made.tool_kwargs)
            more = {"tool_call_id": made.tool_id}
            messages.append(ChatMessage(role="tool", content=content, additional_kwargs=more))
