"""Schemas as users send them, made ready to be enforced. Never changes what a valid instance is, except that an
object which lists its properties is closed unless its schema says otherwise: a model must not invent keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cortex.core.chat import Schema, Tool

COMBINED = ("anyOf", "oneOf", "$ref", "if", "patternProperties")
NESTED = ("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames")
LISTS = ("anyOf", "oneOf", "prefixItems")
MAPS = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")


def arguments(tool: Tool) -> Schema:
    """The schema that the arguments object of a tool has to follow."""
    schema = {"type": "object", **tool.parameters}
    if not set(schema) & {"properties", "additionalProperties", "allOf", *COMBINED}:
        schema["properties"] = {}  # absent or empty parameters: a tool without arguments
    return schema if mentions(schema, "allOf", "unevaluatedProperties") else closed(schema)


def closed(schema: Any) -> Any:
    """The schema with every object that lists its properties closed, unless it says otherwise itself."""
    if not isinstance(schema, Mapping):
        return schema
    out = {key: within(key, value) for key, value in schema.items()}
    if "properties" in out and not set(out) & set(COMBINED):
        out.setdefault("additionalProperties", False)
    return out


def within(key: str, value: Any) -> Any:
    if key in NESTED:
        return closed(value)
    if key in LISTS and isinstance(value, list):
        return [closed(item) for item in value]
    if key in MAPS and isinstance(value, Mapping):
        return {name: closed(item) for name, item in value.items()}
    return value


def mentions(value: Any, *keys: str) -> bool:
    """Whether one of these keywords stands anywhere in a schema (parts that share an object must not close it)."""
    if isinstance(value, Mapping):
        return any(key in value for key in keys) or any(mentions(item, *keys) for item in value.values())
    return isinstance(value, list) and any(mentions(item, *keys) for item in value)
