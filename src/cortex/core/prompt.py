"""Chat + template -> prompt. Never lets what a client wrote become a special token.

Special spellings inside the client's strings are replaced by private placeholders before the template is rendered,
and put back as plain-text segments afterwards: this survives whatever a template does with the strings.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any

from cortex.core.chat import Assistant, Chat, Message, System, Tool, ToolCall, ToolResult, User
from cortex.core.dialect import Dialect, fill
from cortex.core.errors import BadRequest
from cortex.core.job import Segment
from cortex.core.profile import Profile
from cortex.core.template import TemplateError, render

PLACE = "<CUSTOM_FUNCTIONS>"  # stands for the tools, in a system message or a file of the user's own
Told = dict[str, Any]  # a message as templates take it


def prompt(chat: Chat, profile: Profile, now: datetime) -> tuple[Segment, ...]:
    """The prompt of this chat, or BadRequest where the template cannot render its messages."""
    messages, tools = tell(chat, profile)
    given = {**chat.template_args, "messages": messages, "tools": [as_json(tool) for tool in tools] or None}
    shield = Shield(profile.specials, given)
    own = {"bos_token": profile.bos, "eos_token": profile.eos, "add_generation_prompt": True}
    return shield.reveal(repaired(profile, {**shield.hide(given), **own}, now))


# What the template is told


def tell(chat: Chat, profile: Profile) -> tuple[list[Told], Sequence[Tool]]:
    """The messages for the template, and the tools that it is to show itself."""
    messages = ordered(chat.messages)
    places = any(isinstance(message, System) and PLACE in message.text for message in messages)
    instructions = profile.tool_prompt or profile.dialect.prompt
    if places:
        messages = [placed(message, chat.tools) for message in messages]
    elif chat.tools and chat.tool_prompt and instructions and chat.choice.mode != "none":
        messages = instruct(messages, instructions.replace(PLACE, listed(chat.tools)))
    shown = () if places or instructions or not chat.tool_prompt else chat.tools
    if profile.dialect.prompt:
        return list(in_words(messages, profile.dialect)), shown
    return [natively(message, profile.template) for message in messages], shown


def ordered(messages: Sequence[Message]) -> list[Message]:
    """The same, with neighbouring results in the order of their calls: most templates match them by place."""
    places: dict[str, int] = {}
    out: list[Message] = []
    for results, group in groupby(messages, lambda message: isinstance(message, ToolResult)):
        given = list(group)
        out += sorted(given, key=lambda message: rank(message, places)) if results else given
        match given[-1]:
            case Assistant(_, calls):
                places = {call.id: at for at, call in enumerate(calls)}
    return out


def rank(message: Message, places: Mapping[str, int]) -> int:
    return places.get(message.call_id, len(places)) if isinstance(message, ToolResult) else 0


def placed(message: Message, tools: Sequence[Tool]) -> Message:
    return System(message.text.replace(PLACE, listed(tools))) if isinstance(message, System) else message


def instruct(messages: Sequence[Message], instructions: str) -> list[Message]:
    match messages:
        case [System(text), *rest]:
            return [System(f"{text}\n\n{instructions}"), *rest]
    return [System(instructions), *messages]


def listed(tools: Sequence[Tool]) -> str:
    """The tools, one line of JSON each."""
    return "\n".join(json.dumps(as_json(tool)["function"], ensure_ascii=False) for tool in tools)


def as_json(tool: Tool) -> Told:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def in_words(messages: Sequence[Message], dialect: Dialect) -> Iterator[Told]:
    """Calls and results as plain messages, for templates that know nothing of them."""
    names = call_names(messages)
    results: list[str] = []
    for message in messages:
        if results and not isinstance(message, ToolResult):
            yield answered(results, dialect)
            results = []
        match message:
            case ToolResult(text, call_id):
                results.append(fill(dialect.result, name=names.get(call_id, "function"), result=text))
            case Assistant(text, calls) if calls:
                written = dialect.write([(call.name, arguments(call)) for call in calls])
                yield {"role": "assistant", "content": "\n".join(filter(None, (text, written)))}
            case _:
                yield plainly(message)
    if results:
        yield answered(results, dialect)


def answered(results: Sequence[str], dialect: Dialect) -> Told:
    return {"role": "user", "content": fill(dialect.results, results="\n".join(results))}


def call_names(messages: Sequence[Message]) -> Mapping[str, str]:
    return {call.id: call.name for message in messages if isinstance(message, Assistant) for call in message.calls}


def plainly(message: Message) -> Told:
    match message:
        case System(text):
            return {"role": "system", "content": text}
        case User(text):
            return {"role": "user", "content": text}
        case Assistant(text):
            return {"role": "assistant", "content": text}
        case ToolResult(text, call_id):
            return {"role": "tool", "content": text, "tool_call_id": call_id}


def natively(message: Message, template: str) -> Told:
    """The message with its calls, for a template that knows tools."""
    told = plainly(message)
    if isinstance(message, Assistant):
        if message.reasoning:
            told["reasoning_content"] = message.reasoning
        if message.calls:
            told["tool_calls"] = [native_call(call, template) for call in message.calls]
    return told


def native_call(call: ToolCall, template: str) -> Told:
    given = arguments(call) if wants_mapping(template) else call.arguments
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": given}}


def arguments(call: ToolCall) -> Mapping[str, Any] | str:
    """The call's arguments as an object where they can be read as one, else the client's text as it is."""
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(call.arguments.strip() or "{}")
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(value, dict) and all(isinstance(key, str) for key in value) and is_json(value):
            return value
    return call.arguments


def is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


@lru_cache(maxsize=64)
def wants_mapping(template: str) -> bool:
    """Whether this template takes a call's arguments as an object (most do) or as JSON text."""
    function = {"name": "f", "arguments": {"key": "value"}}
    call = {"id": "call00000", "type": "function", "function": function}
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    try:
        text = render(template, {"messages": messages, "tools": None}, datetime.min)
    except TemplateError:
        return True
    return "{'key'" not in text


# Rendering, with repairs for what templates refuse


def repaired(profile: Profile, values: Mapping[str, Any], now: datetime) -> str:
    """The rendered prompt; messages that the template refuses are put in another order or form, most alike first."""
    reasons = []
    for repair in (list, one_system, system_in_user, alternating):
        messages = repair(values["messages"])
        try:
            return render(profile.template, {**values, "messages": messages}, now)
        except TemplateError as error:
            reasons.append(str(error))
    raise BadRequest(f"The model's chat template cannot render these messages: {reasons[0]}", param="messages")


def one_system(messages: Sequence[Told]) -> list[Told]:
    """All system messages as one at the beginning: few templates take them anywhere else."""
    system = [message["content"] for message in messages if message["role"] == "system"]
    rest = [message for message in messages if message["role"] != "system"]
    return [{"role": "system", "content": "\n\n".join(system)}, *rest] if system else rest


def system_in_user(messages: Sequence[Told]) -> list[Told]:
    """The system message as the beginning of the first user message."""
    match one_system(messages):
        case [{"role": "system", "content": system}, {"role": "user"} as user, *rest]:
            return [{**user, "content": f"{system}\n\n{user['content']}"}, *rest]
        case [{"role": "system"} as system, *rest]:
            return [{**system, "role": "user"}, *rest]
        case others:
            return others


def alternating(messages: Sequence[Told]) -> list[Told]:
    """The same, with neighbours of one role made one message."""
    out: list[Told] = []
    for message in system_in_user(messages):
        if out and out[-1]["role"] == message["role"] and not message.get("tool_calls"):
            out[-1] = {**out[-1], "content": f"{out[-1]['content']}\n\n{message['content']}"}
        else:
            out.append(message)
    return out


# Special tokens stay out of the client's reach


class Shield:
    """Replaces special spellings in the client's values by placeholders, and cuts them out of the rendered prompt."""

    def __init__(self, specials: Mapping[str, int], given: Told) -> None:
        self.spellings = sorted(filter(None, specials), key=len, reverse=True)
        self.find = re.compile("|".join(map(re.escape, self.spellings)) or "(?!)")
        self.mark = unused(json.dumps(given, ensure_ascii=False))

    def hide(self, value: Any) -> Any:
        """The value with every string in it shielded."""
        match value:
            case str():
                return self.find.sub(lambda found: f"{self.mark}{self.spellings.index(found[0])}{self.mark}", value)
            case Mapping():
                return {self.hide(key): self.hide(item) for key, item in value.items()}
            case list() | tuple():
                return [self.hide(item) for item in value]
            case _:
                return value

    def reveal(self, text: str) -> tuple[Segment, ...]:
        """The prompt as segments: what the template wrote, and in between, special spellings that are plain text."""
        parts = re.split(f"{self.mark}([0-9]+){self.mark}", text)
        segments = (
            Segment(self.spellings[int(part)], markup=False) if number % 2 else Segment(part.replace(self.mark, ""))
            for number, part in enumerate(parts)
        )
        return tuple(segment for segment in segments if segment.text)


def unused(text: str) -> str:
    """A character that this text does not hold (of Unicode's private use areas)."""
    return next(mark for mark in map(chr, range(0xF0000, 0xFFFFD)) if mark not in text)
