"""`qwen-agent` with the server's own tool calls. Its `use_raw_api` always streams; each piece holds all so far."""

from __future__ import annotations

import json
from typing import Any

from scene import FIRST, SECOND, TOOLS, call, result, tell

# docs
from qwen_agent.llm import get_chat_model

server = {"model": "qwen2.5-coder:1.5b", "model_server": "http://localhost:39281/v1", "api_key": "not-needed"}
llm = get_chat_model(server | {"generate_cfg": {"use_raw_api": True, "temperature": 0}})
# end

functions = [tool["function"] for tool in TOOLS]
messages: list[Any] = []


def ask() -> list[Any]:
    pieces = list(llm.chat(messages=messages, functions=functions, stream=True))
    said = pieces[-1]
    made = [(m["extra"]["function_id"], m["function_call"]) for m in said if m.get("function_call")]
    tell(
        streamed=True,
        calls=[call(id, function["name"], function["arguments"]) for id, function in made],
        text="".join(m["content"] for m in said),
        pieces=len(pieces),
    )
    return said


for question in (FIRST, SECOND):
    messages.append({"role": "user", "content": question})
    for _ in range(2):
        said = ask()
        messages += said
        for function, extra in ((m["function_call"], m["extra"]) for m in said if m.get("function_call")):
            content = result(function["name"], json.dumps(json.loads(function["arguments"])))
            messages.append({"role": "function", "name": function["name"], "content": content, "extra": extra})
