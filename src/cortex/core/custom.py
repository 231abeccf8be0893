"""Custom tools: functions with one argument, a text that may have to follow a grammar. Never any API's JSON."""

from __future__ import annotations

from typing import Final

from cortex.core.chat import Input, Schema, Tool

ARGUMENT: Final = "input"
FOLLOWS: Final = "x-follows"  # keyword of ours in a ready schema: the text follows this definition
SYNTAXES: Final = {"lark": "Lark grammar", "regex": "regular expression"}


def parameters(input: Input) -> Schema:
    """The schema of the arguments object, as it is enforced."""
    text: Schema = {"type": "string"}
    if input.syntax != "text":
        text = {**text, FOLLOWS: {"syntax": input.syntax, "definition": input.definition}}
    return shown(text)


def follows(schema: Schema) -> Input | None:
    """What a text of this schema has to follow, beside being one."""
    return Input(**schema[FOLLOWS]) if FOLLOWS in schema else None


def is_ruled(schema: Schema) -> bool:
    """Whether these are the arguments of a custom tool whose text follows something: JSON Schema cannot say it."""
    return FOLLOWS in schema.get("properties", {}).get(ARGUMENT, {})


def shown(text: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {ARGUMENT: text},
        "required": [ARGUMENT],
        "additionalProperties": False,
    }


def tool(name: str, description: str, input: Input, place: str) -> Tool:
    """A custom tool, as the model is shown it; what is enforced beyond that comes with `parameters`."""
    return Tool(name, description, shown({"type": "string"}), input=input, place=place)


def description(tool: Tool) -> str:
    """What the model is told of the tool: its format, too, if it has one."""
    if tool.input is None or tool.input.syntax == "text":
        return tool.description
    told = f"The text in `{ARGUMENT}` must follow this {SYNTAXES[tool.input.syntax]}:\n{tool.input.definition}"
    return "\n\n".join(filter(None, (tool.description, told)))
