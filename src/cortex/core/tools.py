"""How the tools of a chat are shown to the model: by its template, or in words. Knows nothing of calls."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from cortex.core.chat import Chat, System, Tool
from cortex.core.custom import description
from cortex.core.dialect import Dialect
from cortex.core.history import Told
from cortex.core.profile import Profile

PLACE: Final = "<CUSTOM_FUNCTIONS>"  # stands for the tools, in a system message or a file of the user's own
INSTRUCTIONS: Final = f"""\
# Functions

Only these functions exist:
{PLACE}

To call them, reply with nothing but the calls, written like this:
"""
Show = Literal["template", "filled", "system", "words", "none"]
"""Who shows the tools: the template; the same, of schemas with all that templates look for; the same, where there is a
system message; we, in the system message; nobody."""


def ways(chat: Chat, profile: Profile) -> tuple[Show, ...]:
    """The ways to show the tools of this chat, the best first."""
    if not chat.tools or any(isinstance(message, System) and PLACE in message.text for message in chat.messages):
        return ("none",)
    silent = chat.choice.mode == "none" or not chat.tool_prompt
    if profile.tool_prompt or profile.dialect.prompt:
        return ("none",) if silent else ("words",)
    if not chat.tool_prompt:
        return ("none",)
    return ("template", "filled", "system", "none" if silent else "words")


TOOL: Final = {
    "type": "function",
    "function": {
        "name": "quailtool",
        "description": "quailtext",
        "parameters": {
            "type": "object",
            "properties": {"quailprop": {"type": "string", "description": "quailnote"}},
            "required": ["quailprop"],
            "description": "",
        },
    },
}


def instructions(profile: Profile, tools: Sequence[Told]) -> str:
    """What tells the model of the tools where its template does not."""
    text = profile.tool_prompt or profile.dialect.prompt or INSTRUCTIONS + example(profile.dialect)
    return text.replace(PLACE, listed(tools))


def words(show: Show, profile: Profile) -> list[str]:
    """What a prompt must show of `TOOL`."""
    told = show == "words" and "quailtool" in instructions(profile, [TOOL])
    return ["quailtool"] if told or show in ("template", "filled", "system") else []


def example(dialect: Dialect) -> str:
    return dialect.write([("function_name", {"argument": "value"})])


def instruct(messages: Sequence[Told], text: str) -> list[Told]:
    """The messages with this at the end of the first system message."""
    match messages:
        case [{"role": "system", "content": str() as content} as first, *rest]:
            return [{**first, "content": "\n\n".join(filter(None, (content, text)))}, *rest]
    return [{"role": "system", "content": text}, *messages]


def with_system(messages: Sequence[Told]) -> list[Told]:
    """The messages with a system message, empty if need be: some templates show tools nowhere else."""
    has_one = any(message["role"] == "system" for message in messages)
    return list(messages) if has_one else [{"role": "system", "content": ""}, *messages]


def placed(message: Told, tools: Sequence[Told]) -> Told:
    """The message with the tools where its client put `PLACE`."""
    if message["role"] != "system":
        return message
    return {**message, "content": message["content"].replace(PLACE, listed(tools))}


def listed(tools: Sequence[Told]) -> str:
    """The tools, one line of JSON each."""
    return "\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in tools)


def as_json(tool: Tool) -> Told:
    parameters = tool.parameters or {"type": "object", "properties": {}}
    return {
        "type": "function",
        "function": {"name": tool.name, "description": description(tool), "parameters": parameters},
    }


def filled(tool: Told) -> Told:
    """The tool with a type and a description wherever templates look for one."""
    function = tool["function"]
    return {**tool, "function": {**function, "parameters": filled_schema(function["parameters"])}}


def filled_schema(schema: Any) -> Told:
    if not isinstance(schema, Mapping):
        return {"type": "string", "description": ""}
    usual = "object" if "properties" in schema else "string"
    out: Told = {**schema, "type": one_type(schema.get("type"), usual)}
    out.setdefault("description", "")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            out[key] = filled_schema(schema[key])
    if isinstance(schema.get("properties"), Mapping):
        out["properties"] = {name: filled_schema(inner) for name, inner in schema["properties"].items()}
    return out


def one_type(given: Any, usual: str) -> str:
    match given:
        case str():
            return given
        case [*names]:
            return next((name for name in names if isinstance(name, str) and name != "null"), usual)
        case _:
            return usual
