"""JSON values as rules of the grammar: objects are spelled out, so that equal parts of many tools are one rule.

llguidance compiles each `%json` on its own, and each of their properties costs; equal rules are compiled once. The
language is the same: the properties come in the order of the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from cortex.core.chat import Schema
from cortex.core.custom import ARGUMENT, follows
from cortex.core.defined.write import quoted
from cortex.core.lark import ENCODE, LINES, SPACING, Lark, quote, slashed
from cortex.core.members import alone
from cortex.core.pointer import DEFS

PLAIN = {"type", "properties", "required", "additionalProperties", *DEFS}  # an object of listed properties


def shaped(out: Lark, schema: Schema, *, lenient: bool) -> str:
    """The rule of a value that follows this schema."""
    if input := follows(schema):
        return quoted(out, input)
    if "properties" not in schema or not is_plain(schema):
        return out.json(schema, lenient=lenient)
    required = set(schema.get("required", ()))
    given = {key: part for key, part in schema["properties"].items() if part is not False}
    shared = any(name in schema for name in DEFS)
    parts = {key: part if isinstance(part, Mapping) else {} for key, part in given.items()}
    values = {key: shaped(out, alone(part, schema) if shared else part, lenient=lenient) for key, part in parts.items()}
    return spelled(out, values, required)


def lined(out: Lark, schema: Schema) -> str:
    """The rule of a custom tool's arguments, which may be written over several lines."""
    gap = out.terminal(slashed(str(LINES["whitespace_pattern"])))
    text = shaped(out, schema["properties"][ARGUMENT], lenient=False)
    return out.rule(f'"{{" {gap} {quote(f"{ENCODE(ARGUMENT)}:")} {gap} {text} {gap} "}}"')


def is_plain(schema: Schema) -> bool:
    """Whether this is a closed object, all of whose properties are listed."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or schema.keys() - PLAIN or schema.get("type") != "object":
        return False
    there = {key for key, part in properties.items() if part is not False}
    return schema.get("additionalProperties") is False and there.issuperset(schema.get("required", ()))


def spelled(out: Lark, values: Mapping[str, str], required: set[str]) -> str:
    """The rule of an object, from the rules of its values."""
    keys = list(values)
    must = next((at for at, key in enumerate(keys) if key in required), len(keys))
    if must == 0 and keys:
        rest = (following(out, key, values[key], key in required) for key in keys[1:])
        return out.rule(" ".join([leading(keys[0], values[keys[0]]), *rest, quote("}")]))
    tails = {len(keys): quote("}")}
    for at in reversed(range(1, len(keys))):
        tails[at] = out.rule(f"{following(out, keys[at], values[keys[at]], keys[at] in required)} {tails[at + 1]}")
    ways = [f"{leading(key, values[key])} {tails[at + 1]}" for at, key in enumerate(keys[: must + 1])]
    return out.rule(" | ".join([*ways, *([quote("{}")] if must == len(keys) else [])]))


def leading(key: str, value: str) -> str:
    return f"{name('{', key)} {value}"


def following(out: Lark, key: str, value: str, required: bool) -> str:
    """A member that is not the first. What may be missing costs more, so it is a rule: many tools have the same."""
    item = f"{name(SPACING['item_separator'], key)} {value}"
    return item if required else f"{out.rule(item)}?"


@lru_cache(maxsize=4096)
def name(before: object, key: str) -> str:
    return quote(f"{before}{ENCODE(key)}{SPACING['key_separator']}")
