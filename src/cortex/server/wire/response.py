"""A `Reply` -> the body of a chat completion. `stream.py` sends the same facts in pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cortex.core.events import Reply
from cortex.core.job import Chosen, Logprob, Usage, total
from cortex.server.wire.calls import FUNCTIONS, Shape, whole


@dataclass(frozen=True, slots=True)
class Head:
    """What every piece of one answer repeats. `created` is Unix time in seconds; `fingerprint` names the build,
    the model's file and its settings: the same request and seed give the same answer while it stays the same. `shape`
    says how calls are told."""

    id: str
    created: int
    model: str
    fingerprint: str
    warnings: tuple[str, ...] = ()
    shape: Shape = FUNCTIONS

    def fields(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }


def completion(head: Head, *replies: Reply) -> dict[str, Any]:
    """The whole answer, of one choice or several. `cortex` holds our own: warnings, and what the grammar saved."""
    counts = total([reply.usage for reply in replies])
    return head.fields("chat.completion") | {
        "choices": [_choice(index, reply, head.shape) for index, reply in enumerate(replies)],
        "usage": usage(counts),
        "cortex": {"warnings": list(head.warnings)} | counters(counts),
    }


def _choice(index: int, reply: Reply, shape: Shape) -> dict[str, Any]:
    return {
        "index": index,
        "message": _message(reply, shape),
        "logprobs": logprobs(reply.tokens),
        "finish_reason": shape.reason(reply.finish_reason),
    }


def _message(reply: Reply, shape: Shape) -> dict[str, Any]:
    blank = bool(reply.calls) and not reply.text.strip()
    message: dict[str, Any] = {"role": "assistant", "content": None if blank else reply.text, "refusal": None}
    if reply.reasoning:
        message |= reasoning(reply.reasoning)
    return message | whole(reply.calls, shape)


def reasoning(text: str) -> dict[str, str]:
    """Both names that clients look for: DeepSeek's and OpenRouter's."""
    return {"reasoning_content": text, "reasoning": text}


def logprobs(tokens: Sequence[Chosen]) -> dict[str, Any] | None:
    """The log probabilities of all tokens, those of calls and thoughts too; None where nobody asked for them."""
    if not tokens:
        return None
    return {"content": each(tokens), "refusal": None}


def each(tokens: Sequence[Chosen], *, exact: bool = True) -> list[dict[str, Any]]:
    """Each token with the likeliest in its place. One may end inside a character: `exact` tells its bytes, too."""
    return [_token(one.token, exact) | {"top_logprobs": [_token(other, exact) for other in one.top]} for one in tokens]


def _token(one: Logprob, exact: bool) -> dict[str, Any]:
    told = {"token": one.data.decode(errors="replace"), "logprob": one.logprob}
    return told | {"bytes": list(one.data)} if exact else told


def usage(counts: Usage) -> dict[str, Any]:
    """OpenAI's usage."""
    return {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.prompt + counts.completion,
        "prompt_tokens_details": {"cached_tokens": counts.cached},
        "completion_tokens_details": {
            "reasoning_tokens": counts.reasoning,
            "accepted_prediction_tokens": counts.accepted,
            "rejected_prediction_tokens": counts.rejected,
        },
    }


def told(warnings: Sequence[str]) -> dict[str, Any]:
    """Our own part of an answer that has nothing else to say."""
    return {"cortex": {"warnings": list(warnings)}} if warnings else {}


def counters(counts: Usage) -> dict[str, int]:
    """Tokens that the grammar alone decided, and decode steps that the reply took."""
    return {"forced_tokens": counts.forced, "decodes": counts.decodes}
