"""`openai` for Python with its Responses API: items in, items out, and a response that goes on from the last."""

from __future__ import annotations

from typing import Any

from scene import FIRST, SECOND, TOOLS, call, result, tell

# docs
from openai import OpenAI

client = OpenAI(base_url="http://localhost:39281/v1", api_key="not-needed")
model = "qwen2.5-coder:1.5b"
# end

FLAT: list[Any] = [{"type": "function", "strict": False} | tool["function"] for tool in TOOLS]
last: str | None = None


def told(response: Any, *, pieces: int = 0) -> None:
    calls = [item for item in response.output if item.type == "function_call"]
    assert response.status == "completed"
    tell(
        streamed=bool(pieces),
        calls=[call(item.call_id, item.name, item.arguments) for item in calls],
        text=response.output_text,
        pieces=pieces,
        prompt=response.usage.input_tokens,
        completion=response.usage.output_tokens,
    )


def whole(items: list[Any]) -> Any:
    response = client.responses.create(model=model, input=items, tools=FLAT, temperature=0, previous_response_id=last)
    told(response)
    return response


def streamed(items: list[Any]) -> Any:
    asked: Any = {"previous_response_id": last}
    with client.responses.stream(model=model, input=items, tools=FLAT, temperature=0, **asked) as stream:
        pieces = sum(event.type.endswith(".delta") for event in stream)
        response = stream.get_final_response()
    told(response, pieces=pieces)
    return response


for question, ask in ((FIRST, whole), (SECOND, streamed)):
    items: list[Any] = [{"role": "user", "content": question}]
    while items:
        response = ask(items)
        last = response.id
        items = [
            {"type": "function_call_output", "call_id": c.call_id, "output": result(c.name, c.arguments)}
            for c in response.output
            if c.type == "function_call"
        ]
