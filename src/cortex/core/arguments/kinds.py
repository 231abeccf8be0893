"""A schema cut down to some of the types of JSON, where a notation has to tell them apart. Never compiles."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cortex.core.chat import Schema
from cortex.core.members import kind, kinds

ALTERNATIVES = ("anyOf", "oneOf")


def narrow(schema: Schema, wanted: Collection[str]) -> Schema:
    """The schema for those of its values that are of the wanted types."""
    have = kinds(schema)
    if have <= set(wanted):
        return schema
    for key in ALTERNATIVES:
        if isinstance(given := schema.get(key), list):
            return {**schema, key: [narrow(item, wanted) for item in given if kinds(item, schema) & set(wanted)]}
    if isinstance(given := schema.get("enum"), list):
        return {**schema, "enum": [value for value in given if kind(value) in wanted]}
    return {**schema, "type": types(schema.get("type"), have & set(wanted))}


def types(given: Any, wanted: Collection[str]) -> list[str]:
    names = given if isinstance(given, list) else sorted(wanted)
    return [name for name in names if ("number" if name == "integer" else name) in wanted]
