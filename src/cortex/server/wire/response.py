"""A `Reply` -> the body of a chat completion. `stream.py` sends the same facts in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cortex.core.events import Call, Reply
from cortex.core.job import Usage


@dataclass(frozen=True, slots=True)
class Head:
    """What every piece of one answer repeats. `created` is Unix time in seconds; `fingerprint` names the build,
    the model's file and its settings: the same request and seed give the same answer while it stays the same."""

    id: str
    created: int
    model: str
    fingerprint: str
    warnings: tuple[str, ...] = ()

    def fields(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }


def completion(head: Head, reply: Reply) -> dict[str, Any]:
    """The whole answer. `cortex` holds our own: warnings, and what the grammar saved."""
    choice = {
        "index": 0,
        "message": _message(reply),
        "logprobs": None,
        "finish_reason": reply.finish_reason,
    }
    return head.fields("chat.completion") | {
        "choices": [choice],
        "usage": usage(reply.usage, reasoned=bool(reply.reasoning)),
        "cortex": {"warnings": list(head.warnings)} | counters(reply.usage),
    }


def _message(reply: Reply) -> dict[str, Any]:
    blank = bool(reply.calls) and not reply.text.strip()
    message: dict[str, Any] = {"role": "assistant", "content": None if blank else reply.text, "refusal": None}
    if reply.reasoning:
        message |= reasoning(reply.reasoning)
    if reply.calls:
        message["tool_calls"] = [_call(call) for call in reply.calls]
    return message


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def reasoning(text: str) -> dict[str, str]:
    """Both names that clients look for: DeepSeek's and OpenRouter's."""
    return {"reasoning_content": text, "reasoning": text}


def usage(counts: Usage, *, reasoned: bool) -> dict[str, Any]:
    """OpenAI's usage. Reasoning tokens are not counted apart by the engine: only their absence is known to be 0."""
    details: Mapping[str, int] = {} if reasoned else {"reasoning_tokens": 0}
    return {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.prompt + counts.completion,
        "prompt_tokens_details": {"cached_tokens": counts.cached},
        "completion_tokens_details": details,
    }


def counters(counts: Usage) -> dict[str, int]:
    """Tokens that the grammar alone decided, and decode steps that the reply took."""
    return {"forced_tokens": counts.forced, "decodes": counts.decodes}
