"""JSON values as rules of the grammar: objects are spelled out, so that equal parts of many tools are one rule.

llguidance compiles each `%json` on its own, and each of their properties costs; equal rules are compiled once. The
language is the same: the properties come in the order of the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from cortex.core.chat import Schema
from cortex.core.custom import follows
from cortex.core.defined.write import quoted
from cortex.core.lark import ENCODE, LINES, SPACING, Lark, quote, slashed
from cortex.core.members import alone
from cortex.core.pointer import DEFS
from cortex.core.row import row

PLAIN = {"type", "properties", "required", "additionalProperties", *DEFS}  # an object of listed properties


def shaped(out: Lark, schema: Schema, *, lenient: bool, lines: bool = False) -> str:
    """The rule of a value that follows this schema. `lines`: it may be written over several."""
    if input := follows(schema):
        return quoted(out, input)
    if "properties" not in schema or not is_plain(schema):
        return out.json(schema, lenient=lenient, lines=lines)
    required = set(schema.get("required", ()))
    given = {key: part for key, part in schema["properties"].items() if part is not False}
    parts = {key: part if isinstance(part, Mapping) else {} for key, part in given.items()}
    if any(name in schema for name in DEFS):
        parts = {key: alone(part, schema) for key, part in parts.items()}
    values = {key: shaped(out, part, lenient=lenient, lines=lines) for key, part in parts.items()}
    return lined(out, values, required) if lines else spelled(out, values, required)


def is_plain(schema: Schema) -> bool:
    """Whether this is a closed object, all of whose properties are listed."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or schema.keys() - PLAIN or schema.get("type") != "object":
        return False
    there = {key for key, part in properties.items() if part is not False}
    return schema.get("additionalProperties") is False and there.issuperset(schema.get("required", ()))


def spelled(out: Lark, values: Mapping[str, str], required: set[str]) -> str:
    """The rule of an object, from the rules of its values."""
    comma = SPACING["item_separator"]
    return row(
        out,
        list(values),
        required,
        lambda key: f"{name('{', key)} {values[key]}",
        lambda key: f"{name(comma, key)} {values[key]}",
        end=quote("}"),
        empty=quote("{}"),
    )


def lined(out: Lark, values: Mapping[str, str], required: set[str]) -> str:
    """The same, written over several lines."""
    gap = out.terminal(slashed(str(LINES["whitespace_pattern"])))
    opening, comma, colon = (out.rule(body) for body in (f'"{{" {gap}', f'"," {gap}', f'{gap} ":" {gap}'))
    members = {key: out.rule(f"{quote(ENCODE(key))} {colon} {value} {gap}") for key, value in values.items()}
    return row(
        out,
        list(values),
        required,
        lambda key: f"{opening} {members[key]}",
        lambda key: f"{comma} {members[key]}",
        end='"}"',
        empty=f'{opening} "}}"',
    )


@lru_cache(maxsize=4096)
def name(before: object, key: str) -> str:
    return quote(f"{before}{ENCODE(key)}{SPACING['key_separator']}")
