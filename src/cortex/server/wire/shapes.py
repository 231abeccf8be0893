"""JSON Schemas of what the fields of a request hold, for the API's documentation. Nothing is checked with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}
OBJECT: Json = {"type": "object"}
LIST: Json = {"type": "array"}
NUMBER: Json = {"type": "number"}
INT: Json = {"type": "integer"}

MESSAGES: Json = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["role"],
        "properties": {
            "role": {"enum": ["system", "developer", "user", "assistant", "tool", "function"]},
            "content": {
                "description": "Text, a list of text parts, or null.",
                "anyOf": [TEXT, {"type": "array", "items": OBJECT}, {"type": "null"}],
            },
            "tool_calls": {"type": "array", "items": OBJECT, "description": "Of an assistant: the calls it made."},
            "tool_call_id": {"type": "string", "description": "Of a tool: the call that this is the result of."},
            "reasoning_content": {"type": "string", "description": "Of an assistant: what it thought."},
        },
    },
}
_NAME: Json = {"type": "string", "pattern": "^[a-zA-Z0-9_.-]{1,64}$"}
_FUNCTION: Json = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": _NAME,
        "description": TEXT,
        "parameters": {"type": "object", "description": "A JSON Schema of the arguments object."},
        "strict": FLAG,
    },
}
_GRAMMAR: Json = {
    "type": "object",
    "required": ["syntax", "definition"],
    "properties": {"syntax": {"enum": ["lark", "regex"]}, "definition": TEXT},
}
_CUSTOM: Json = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": _NAME,
        "description": TEXT,
        "format": {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"enum": ["text", "grammar"]}, "grammar": _GRAMMAR},
        },
    },
}
TOOLS: Json = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"type": {"enum": ["function", "custom"]}, "function": _FUNCTION, "custom": _CUSTOM},
    },
}
FUNCTIONS: Json = {"type": "array", "items": _FUNCTION}
CALL: Json = {"anyOf": [{"enum": ["none", "auto"]}, OBJECT]}
EFFORT: Json = {"enum": ["none", "minimal", "low", "medium", "high", "xhigh", "max"]}
VERBOSITY: Json = {"enum": ["low", "medium", "high"]}
THOUGHTS: Json = {"enum": ["auto", "none", "deepseek", "deepseek-legacy"]}
TOOL_CHOICE: Json = {"anyOf": [{"enum": ["none", "auto", "required"]}, OBJECT]}
FORMAT: Json = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"enum": ["text", "json_object", "json_schema"]}, "json_schema": OBJECT},
}
PREDICTION: Json = {
    "type": "object",
    "required": ["type", "content"],
    "properties": {
        "type": {"const": "content"},
        "content": {"anyOf": [TEXT, {"type": "array", "items": OBJECT}], "description": "Text, or text parts."},
    },
}
STOP: Json = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "maxItems": 4}]}


def span(kind: str, low: float, high: float) -> Json:
    return {"type": kind, "minimum": low, "maximum": high}
