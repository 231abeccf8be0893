"""The body of `POST /v1/responses` -> the same `Chat` that a chat request becomes. `BadRequest` names the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cortex.core.chat import Chat, Choice, System, Tool
from cortex.core.errors import BadRequest
from cortex.server.wire.calls import Shape
from cortex.server.wire.chat import (
    EFFORTS,
    VERBOSITIES,
    Defaults,
    checked,
    flag,
    max_tokens,
    model_name,
    sampling,
    word,
)
from cortex.server.wire.chat import stop as read_stop
from cortex.server.wire.choice import read_choice
from cortex.server.wire.decoding import MOST_LIKELY, read_text
from cortex.server.wire.items import Item, messages, nodes, read_items
from cortex.server.wire.messages import remarks
from cortex.server.wire.node import Node
from cortex.server.wire.responses_fields import INCLUDED, NESTED, TABLE
from cortex.server.wire.responses_told import told
from cortex.server.wire.tools import custom_tool, function_tool, named_once, read_format

_KINDS: Final = '"function" or "custom"'
_LOGPROBS: Final = "message.output_text.logprobs"
_HOSTED: Final = (
    "file_search",
    "web_search",
    "computer",
    "mcp",
    "code_interpreter",
    "image_generation",
    "local_shell",
    "shell",
    "apply_patch",
    "namespace",
    "tool_search",
    "programmatic_tool_calling",
)
_TOLD: Final = "thoughts are told in full, and stay with their turn"
_IDLE: Final = {"summary": None, "generate_summary": None, "context": "auto", "mode": "standard"}


class Past(Protocol):
    """Earlier responses that are kept."""

    def conversation(self, id: str) -> Sequence[Item] | None:
        """All items up to the end of this response; None where it is not kept."""

    def item(self, id: str) -> Item | None: ...


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """One request, read. `before` are the items of the conversation that it goes on with, `items` those of its own.
    `told` are the fields that the answer repeats. `keep`: it is to be kept. `warnings` name what had no effect."""

    model: str
    chat: Chat
    before: tuple[Item, ...]
    items: tuple[Item, ...]
    told: Mapping[str, Any]
    shape: Shape
    keep: bool = True
    stream: bool = False
    warnings: tuple[str, ...] = ()


def read(
    body: Mapping[str, Any],
    defaults: Defaults,
    past: Past,
    new_id: Callable[[str], str],
    *,
    strict: bool = False,
) -> ResponseRequest:
    """A whole request. `strict` makes a 400 of a field that nobody knows."""
    node = Node(body)
    warnings = checked(node, TABLE, NESTED, strict=strict)
    items = read_items(node.need("input", "a text or a list of items"), new_id, past.item)
    before = _before(node, past)
    chat = _chat(node, defaults, nodes(before, "previous_response_id") + nodes(items, "input"))
    return ResponseRequest(
        model_name(body),
        chat,
        before,
        items,
        told(node, chat),
        Shape(frozenset(tool.name for tool in chat.tools if tool.input)),
        keep=flag(node, "store", True),
        stream=flag(node, "stream", False),
        warnings=(*warnings, *_remarks(node)),
    )


def _remarks(node: Node) -> list[str]:
    """What is understood but changes nothing."""
    reasoning, given = node.get("reasoning"), node.need("input", "")
    names = remarks(given) if isinstance(given.value, list) else []
    idle = [key for key, fine in _IDLE.items() if reasoning and (found := reasoning.get(key)) and found.value != fine]
    return [f"reasoning.{key} has no effect: {_TOLD}" for key in idle] + names


def _before(node: Node, past: Past) -> tuple[Item, ...]:
    previous = node.get("previous_response_id")
    if previous is None:
        return ()
    found = past.conversation(previous.string())
    if found is None:
        said = f"previous_response_id: no response {previous.value!r:.60} is kept here; send its items as input"
        raise BadRequest(said, param="previous_response_id", code="previous_response_not_found")
    return tuple(found)


def _chat(node: Node, defaults: Defaults, items: list[Node]) -> Chat:
    instructions, text, reasoning = node.get("instructions"), node.get("text"), node.get("reasoning")
    tools, choice, single = _tools(node)
    form = text.get("format") if text else None
    arguments = node.get("chat_template_kwargs")
    system = (System(instructions.string()),) if instructions else ()
    return Chat(
        messages=(*system, *messages(items)),
        tools=tools,
        choice=choice,
        parallel=flag(node, "parallel_tool_calls", True) and not single,
        schema=read_format(form),
        schema_strict=flag(form, "strict", False) if form else False,
        sampling=sampling(node, defaults.sampling),
        max_tokens=max_tokens(node, defaults.max_tokens, names=("max_output_tokens",)),
        stop=read_stop(node, defaults.stop),
        tool_prompt=flag(node, "add_custom_system_prompt", True),
        template_args=arguments.object() if arguments else {},
        dialect=read_text(node, "dialect"),
        logprobs=_logprobs(node),
        ignore_eos=flag(node, "ignore_eos", False),
        effort=word(reasoning, "effort", EFFORTS) if reasoning else "",
        verbosity=word(text, "verbosity", VERBOSITIES) if text else "",
    )


def _tools(node: Node) -> tuple[tuple[Tool, ...], Choice, bool]:
    tools = named_once(node.get("tools"), _tool)
    return tools, *read_choice(node.get("tool_choice"), tools)


def _tool(node: Node) -> tuple[Tool, Node]:
    kind = node.need("type", _KINDS)
    match kind.string():
        case "function":
            return function_tool(node)
        case "custom":
            return custom_tool(node)
        case other if other.startswith(_HOSTED):
            raise kind.refused(f"{other} is a tool that OpenAI hosts; this server runs none: only {_KINDS}")
    raise kind.wrong(_KINDS)


def _logprobs(node: Node) -> int | None:
    """How many of the likeliest tokens come with each; None: no log probabilities."""
    include, top = node.get("include"), node.get("top_logprobs")
    wanted = [_included(one) for one in include.items()] if include else []
    likeliest = top.integer(0, MOST_LIKELY) if top else 0
    return likeliest if likeliest or _LOGPROBS in wanted else None


def _included(node: Node) -> str:
    if node.string() not in INCLUDED:
        raise node.wrong(f"one of {', '.join(sorted(INCLUDED))}")
    return node.string()


_NAMES: Final = {  # the core's words -> those of this API
    "messages": "input",
    "response_format": "text.format",
    "max_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
}


def renamed(error: BadRequest) -> BadRequest:
    """A complaint about a chat, in the words of this API."""
    if error.param not in _NAMES:
        return error
    new = _NAMES[error.param]
    return type(error)(error.message.replace(error.param, new), param=new, code=error.code)


def reworded(warning: str) -> str:
    """A warning about a chat, in the words of this API."""
    field, blank, rest = warning.partition(" ")
    return f"{_NAMES.get(field, field)}{blank}{rest}"
