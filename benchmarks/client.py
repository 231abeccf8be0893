"""One request to an OpenAI-compatible server, timed as a client sees it. Knows no server by name."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

Json = dict[str, Any]
PATIENCE = 900.0  # seconds; a long prompt on a busy machine takes many


@dataclass(slots=True)
class Reply:
    """`seconds` until the end. `chunks` carried text or parts of calls. `decodes` is how many decode steps the server
    says the reply took, None where it does not say."""

    seconds: float = 0.0
    chunks: int = 0
    prompt: int = 0
    cached: int = 0
    tokens: int = 0
    decodes: int | None = None
    text: str = ""
    calls: dict[int, Json] = field(default_factory=dict)

    @property
    def message(self) -> Json:
        """What a client sends back as the assistant's turn."""
        made: Json = {"role": "assistant", "content": self.text or ("" if not self.calls else None)}
        return made | ({"tool_calls": list(self.calls.values())} if self.calls else {})


class Client:
    """`url` ends before `/v1`."""

    def __init__(self, url: str) -> None:
        # A new connection for each request: llama-server closes idle ones without a word.
        fresh = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False, limits=fresh)

    def model(self) -> str:
        """The first model that the server names. Raises httpx.HTTPError where it does not answer."""
        rows = self._http.get("/v1/models", timeout=2.0).raise_for_status().json()["data"]
        return str(rows[0]["id"])

    def ask(self, body: Json, *, stream: bool = True) -> Reply:
        """Raises httpx.HTTPError, also for a status that is none of success."""
        began = time.perf_counter()
        reply = self._streamed(body) if stream else self._whole(body)
        reply.seconds = time.perf_counter() - began
        return reply

    def close(self) -> None:
        self._http.close()

    def _whole(self, body: Json) -> Reply:
        answer = self._http.post("/v1/chat/completions", json=body).raise_for_status().json()
        reply = Reply(text=answer["choices"][0]["message"].get("content") or "")
        _count(reply, answer)
        return reply

    def _streamed(self, body: Json) -> Reply:
        wanted = body | {"stream": True, "stream_options": {"include_usage": True}}
        reply = Reply()
        with self._http.stream("POST", "/v1/chat/completions", json=wanted) as response:
            if response.is_error:
                response.read()
                raise httpx.HTTPStatusError(response.text, request=response.request, response=response)
            for chunk in _events(response):
                for choice in chunk["choices"]:
                    _take(reply, choice["delta"])
                _count(reply, chunk)
        return reply


def _events(response: httpx.Response) -> Iterator[Json]:
    for line in response.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line[6:])


def _take(reply: Reply, delta: Json) -> None:
    reply.text += delta.get("content") or ""
    for part in delta.get("tool_calls") or ():
        call = reply.calls.setdefault(part["index"], {"id": "", "type": "function", "function": {"arguments": ""}})
        call["id"] = part.get("id") or call["id"]
        function = part.get("function") or {}
        call["function"]["name"] = function.get("name") or call["function"].get("name")
        call["function"]["arguments"] += function.get("arguments") or ""
    reply.chunks += bool(delta.get("content") or delta.get("tool_calls"))


def _count(reply: Reply, answer: Json) -> None:
    """Usage, and the decode steps: ours are in `cortex`, those of llama-server follow from its `timings`."""
    if usage := answer.get("usage"):
        reply.prompt, reply.tokens = usage["prompt_tokens"], usage["completion_tokens"]
        reply.cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    if (own := answer.get("cortex") or {}).get("decodes") is not None:
        reply.decodes = own["decodes"]
    if timings := answer.get("timings"):
        reply.decodes = timings["predicted_n"] - timings.get("draft_n_accepted", 0)
