"""What an answer of `/v1/responses` repeats of its request, as it is in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cortex.core.chat import Chat
from cortex.server.wire.node import Node

MOST_LABELS: Final = 16


def told(node: Node, chat: Chat) -> Mapping[str, Any]:
    """What the answer repeats of the request, as it is in force."""
    given = node.object()
    text, reasoning = given.get("text") or {}, given.get("reasoning") or {}
    return {
        "background": False,
        "instructions": given.get("instructions"),
        "max_output_tokens": chat.max_tokens,
        "max_tool_calls": given.get("max_tool_calls"),
        "metadata": _metadata(node.get("metadata")),
        "model": given["model"],
        "parallel_tool_calls": chat.parallel,
        "previous_response_id": given.get("previous_response_id"),
        "prompt_cache_key": given.get("prompt_cache_key"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": None},
        "safety_identifier": given.get("safety_identifier"),
        "service_tier": "default",
        "temperature": chat.sampling.temperature,
        "text": {"format": _shown_format(text.get("format")), "verbosity": text.get("verbosity") or "medium"},
        "tool_choice": _shown_choice(given.get("tool_choice")),
        "tools": [_shown_tool(tool) for tool in given.get("tools") or []],
        "top_logprobs": chat.logprobs or 0,
        "top_p": chat.sampling.top_p,
        "truncation": "disabled",
        "user": given.get("user"),
    }


def _metadata(node: Node | None) -> Mapping[str, str]:
    if node is None:
        return {}
    if len(node.object()) > MOST_LABELS:
        raise node.wrong(f"an object of {MOST_LABELS} texts at most")
    return {name: node.need(name, "a string").string() for name in node.object()}


def _shown_format(form: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The format with the fields that OpenAI's answers always have."""
    if form is None or form["type"] != "json_schema":
        return {"type": form["type"] if form else "text"}
    about: Mapping[str, Any] = {"name": "", "schema": {}, "description": None, "strict": None}
    return {"type": "json_schema"} | {key: form.get(key) or empty for key, empty in about.items()}


def _shown_tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    if tool["type"] == "custom":
        form = tool.get("format") or {"type": "text"}
        return {"type": "custom", "name": tool["name"], "description": tool.get("description"), "format": form}
    known = ("name", "description", "parameters")
    return {"type": "function"} | {key: tool.get(key) for key in known} | {"strict": bool(tool.get("strict"))}


def _shown_choice(choice: Any) -> Any:
    match choice:
        case None:
            return "auto"
        case {"type": "function" | "custom" as kind}:
            return {"type": kind, "name": choice.get("name") or choice[kind]["name"]}
        case {"type": "allowed_tools"}:
            inner = choice if choice.get("tools") else choice["allowed_tools"]
            return {"type": "allowed_tools", "mode": inner["mode"], "tools": inner["tools"]}
    return choice
