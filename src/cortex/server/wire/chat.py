"""The body of `POST /v1/chat/completions` -> a `Chat`. Raises `BadRequest` that names the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from cortex.core.chat import COUNTS, MOST, NUMBERS, Chat, Choice, Sampling, Tool
from cortex.core.errors import BadRequest
from cortex.server.wire import fields
from cortex.server.wire.calls import FUNCTIONS, Shape
from cortex.server.wire.choice import read_choice
from cortex.server.wire.decoding import read_logprobs, read_prediction, read_text
from cortex.server.wire.known import NESTED, Nested, idle
from cortex.server.wire.legacy import is_legacy, read_legacy
from cortex.server.wire.messages import read_messages, remarks
from cortex.server.wire.node import Node
from cortex.server.wire.tools import read_format, read_format_strict, read_tools

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
VERBOSITIES = ("low", "medium", "high")
# llama-server's words for where a thought goes
THOUGHTS: Mapping[str, Literal["apart", "inside", "both"]] = {
    **dict.fromkeys(("auto", "deepseek"), "apart"),
    "none": "inside",
    "deepseek-legacy": "both",
}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a model's settings say where a request is silent."""

    sampling: Sampling = Sampling()
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request, read: `count` replies are wanted, their calls in this `shape`. `warnings` name what the client sent
    to no effect."""

    model: str
    chat: Chat
    count: int = 1
    stream: bool = False
    include_usage: bool = False
    shape: Shape = FUNCTIONS
    warnings: tuple[str, ...] = ()


def model_name(body: Mapping[str, Any]) -> str:
    """The model that a body asks for: whose settings are the defaults of all that follows."""
    name = Node(body).need("model", "a model's id, such as one of GET /v1/models").string()
    if not name:
        raise BadRequest("model must be a model's id, not an empty string", param="model")
    return name


def read(body: Mapping[str, Any], defaults: Defaults = Defaults(), *, strict: bool = False) -> ChatRequest:
    """A whole request. `strict` makes a 400 of a field that nobody knows."""
    node = Node(body)
    idle = checked(node, strict=strict)
    chat = _chat(node, defaults)
    return ChatRequest(
        model_name(body),
        chat,
        count=count(node),
        stream=flag(node, "stream", False),
        include_usage=include_usage(node),
        shape=_shape(node, chat.tools),
        warnings=(*idle, *remarks(Node(body["messages"], "messages"))),
    )


def checked(node: Node, table: fields.Table = fields.FIELDS, nested: Nested = NESTED, *, strict: bool) -> list[str]:
    """What the client sent to no effect, once every field of the table has been found fine or was refused."""
    unknown = idle(node.object(), table, nested, strict=strict)
    fields.check(node, table)
    return unknown


def _chat(node: Node, defaults: Defaults) -> Chat:
    tools, choice, single = _tools(node)
    arguments, dialect = node.get("chat_template_kwargs"), node.get("dialect")
    return Chat(
        messages=read_messages(node.need("messages", "a list of messages")),
        tools=tools,
        choice=choice,
        parallel=flag(node, "parallel_tool_calls", True) and not single,
        schema=read_format(node.get("response_format")),
        schema_strict=read_format_strict(node.get("response_format")),
        sampling=sampling(node, defaults.sampling),
        max_tokens=max_tokens(node, defaults.max_tokens),
        stop=stop(node, defaults.stop),
        tool_prompt=flag(node, "add_custom_system_prompt", True),
        template_args=arguments.object() if arguments else {},
        dialect=dialect.string() if dialect else "",
        grammar=read_text(node, "grammar"),
        logprobs=read_logprobs(node),
        ignore_eos=flag(node, "ignore_eos", False),
        effort=word(node, "reasoning_effort", EFFORTS),
        verbosity=word(node, "verbosity", VERBOSITIES),
        thoughts=THOUGHTS[word(node, "reasoning_format", tuple(THOUGHTS)) or "auto"],
        prediction=read_prediction(node.get("prediction")),
    )


def word(node: Node, key: str, words: Sequence[str]) -> str:
    """One of these words, or ""."""
    found = node.get(key)
    if found is None:
        return ""
    if found.value not in words:
        raise found.wrong(f"one of {', '.join(words)}")
    return found.string()


def _tools(node: Node) -> tuple[tuple[Tool, ...], Choice, bool]:
    """The tools, which to call, and whether that is one call at most."""
    if is_legacy(node):
        return *read_legacy(node), True
    tools = read_tools(node.get("tools"))
    return tools, *read_choice(node.get("tool_choice"), tools)


def _shape(node: Node, tools: tuple[Tool, ...]) -> Shape:
    return Shape(frozenset(tool.name for tool in tools if tool.input), legacy=is_legacy(node))


def count(node: Node) -> int:
    found = node.get("n")
    return 1 if found is None else found.integer(1, 128)


def flag(node: Node, key: str, default: bool) -> bool:
    found = node.get(key)
    return default if found is None else found.boolean()


def include_usage(node: Node) -> bool:
    options = node.get("stream_options")
    return options is not None and flag(options, "include_usage", False)


_LENGTHS = ("max_completion_tokens", "max_tokens")


def max_tokens(node: Node, default: int | None, *, least: int = 1, names: Sequence[str] = _LENGTHS) -> int | None:
    """Of the first of these fields that is there."""
    found = next(filter(None, map(node.get, names)), None)
    if found is None:
        return default
    return None if found.value == -1 else min(found.integer(least), MOST)


def stop(node: Node, default: tuple[str, ...]) -> tuple[str, ...]:
    found = node.get("stop")
    match found:
        case None:
            return default
        case Node(str()):
            return (_stop_text(found),)
        case Node(list() as listed) if len(listed) <= 4:
            return tuple(_stop_text(item) for item in found.items())
    raise found.wrong("a string or a list of up to 4 strings")


def _stop_text(node: Node) -> str:
    if not node.string():
        raise node.wrong("a string that is not empty")
    return node.string()


def sampling(node: Node, default: Sampling) -> Sampling:
    given: dict[str, Any] = {}
    for name, (low, high) in NUMBERS.items():
        if (found := node.get(name)) is not None:
            given[name] = found.number(low, high)
    for name, (least, most) in COUNTS.items():
        if (found := node.get(name)) is not None:
            given[name] = max(0, found.integer(least, most))
    if (found := node.get("penalize_nl")) is not None:
        given["penalize_nl"] = found.boolean()
    if (found := node.get("seed")) is not None:
        given["seed"] = _seed(found)
    if (found := node.get("logit_bias")) is not None:
        given["logit_bias"] = _logit_bias(found)
    return replace(default, **given)


def _seed(node: Node) -> int | None:
    seed = node.integer(-(2**63), 2**63 - 1)
    return None if seed == -1 else seed


def _logit_bias(node: Node) -> tuple[tuple[int, float], ...]:
    pairs = []
    for key in node.object():
        if not (key.isascii() and key.isdigit() and len(key) <= 10 and int(key) <= MOST):
            raise BadRequest(f"logit_bias: its keys must be ids of tokens, not {key!r:.40}", param="logit_bias")
        value = node.get(key)
        pairs.append((int(key), value.number(-100, 100) if value else 0.0))
    return tuple(pairs)
