"""`langchain-openai`: bound functions, `invoke` and `stream`."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage
from scene import FIRST, FUNCTIONS, SECOND, call, tell

# docs
from langchain_openai import ChatOpenAI

server = {"base_url": "http://localhost:39281/v1", "api_key": "not-needed"}
model = ChatOpenAI(model="qwen2.5-coder:1.5b", temperature=0, stream_usage=True, **server)
# end

bound = model.bind_tools(list(FUNCTIONS.values()))
messages: list[AnyMessage] = []


def told(message: Any, pieces: int = 0) -> Any:
    tell(
        streamed=bool(pieces),
        calls=[call(c["id"], c["name"], c["args"]) for c in message.tool_calls],
        text=message.text,
        pieces=pieces,
        finish=message.response_metadata["finish_reason"],
        prompt=message.usage_metadata["input_tokens"],
        completion=message.usage_metadata["output_tokens"],
    )
    assert not message.invalid_tool_calls
    return message


def whole() -> Any:
    return told(bound.invoke(messages))


def streamed() -> Any:
    chunks = list(bound.stream(messages))
    return told(reduce(add, chunks), len(chunks))


for question, ask in ((FIRST, whole), (SECOND, streamed)):
    messages.append(HumanMessage(question))
    for _ in range(2):
        message = ask()
        messages.append(message)
        for made in message.tool_calls:
            messages.append(ToolMessage(FUNCTIONS[made["name"]](**made["args"]), tool_call_id=made["id"]))
