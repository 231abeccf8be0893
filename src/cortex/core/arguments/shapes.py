"""What a schema asks of a value, taken apart: its alternatives, the values it lists, the items of its arrays; and what
of it is lost so, the gaps. For notations that write values in their own way. Never compiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cortex.core.arguments.texts import is_sure, missing
from cortex.core.chat import Schema
from cortex.core.members import ALTERNATIVES, Source, alone, kind, kinds, own, subschema, view
from cortex.core.place import Gap
from cortex.core.pointer import resolve

ARRAYS = ("uniqueItems", "contains", "minContains", "maxContains", "unevaluatedItems")
INNER = ("properties", "additionalProperties", "items", "prefixItems", "additionalItems", "anyOf", "oneOf", "allOf")
MEMBERS = frozenset({"properties", "additionalProperties", "patternProperties"})  # what one says is about the others
DEEPEST = 16  # references and alternatives within alternatives that are followed to find the one that fits


@dataclass(frozen=True, slots=True)
class List:
    """What may stand in an array: `first`, item by item, then any number of `rest` (None: nothing more). `least` and
    `most` count all items."""

    first: tuple[Schema, ...] = ()
    rest: Schema | None = None
    least: int = 0
    most: int | None = None

    def at(self, index: int) -> Schema:
        """What the item of this number follows."""
        return self.first[index] if index < len(self.first) else self.rest or {}


def list_of(schema: Schema) -> List:
    """What the arrays of this schema hold, less what its alternatives say."""
    items = schema.get("items", True)
    first, rest = schema.get("prefixItems", []), items
    if isinstance(items, list):  # as drafts before 2020 wrote it
        first, rest = items, schema.get("additionalItems", True)
    return List(
        tuple(alone(subschema(item), schema) for item in first),
        None if rest is False else alone(subschema(rest), schema),
        whole(schema.get("minItems")) or 0,
        whole(schema.get("maxItems")),
    )


def whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def alternatives(schema: Schema) -> list[Schema] | None:
    """The schemas of which a value has to follow one, each for itself; None where there is but this one."""
    if (found := options(schema, schema)) is None:
        return None
    keyword, each = found
    rest = {key: value for key, value in schema.items() if key != keyword}
    return [alone(joined(rest, subschema(option)), schema) for option in each if option is not False]


def options(schema: Schema, root: Schema) -> tuple[str, Sequence[Any]] | None:
    if "$ref" in schema:
        return "$ref", [resolve(root, schema["$ref"])]
    keyword = next((key for key in ALTERNATIVES if isinstance(schema.get(key), list)), None)
    return None if keyword is None else (keyword, schema[keyword])


def joined(one: Schema, other: Schema) -> Schema:
    """The schema of what follows both."""
    clash = any(one[key] != other[key] for key in one.keys() & other.keys())
    if clash or (MEMBERS & one.keys() and MEMBERS & other.keys()):
        return {"allOf": [one, other]}
    return {**one, **other}


def given(schema: Schema) -> list[Any] | None:
    """The values that the schema lists; None where it lists none."""
    if "const" in schema:
        return [schema["const"]]
    if not isinstance(listed := schema.get("enum"), list):
        return None
    return [value for value in listed if kind(value) in kinds(schema)]


def only(schema: Schema, wanted: str, depth: int = DEEPEST) -> Schema:
    """The one alternative of which a value of this type can be; any schema where there is more than one."""
    others = alternatives(schema)
    if others is None:
        return schema
    fit = [other for other in others if wanted in kinds(other)]
    return only(fit[0], wanted, depth - 1) if len(fit) == 1 and depth else {}


# Gaps


def lost(schema: Any, at: Source, *, raw: bool, arrays: Sequence[str] = ARRAYS) -> Iterator[Gap]:
    """What of this schema is lost where its values are written one by one; `raw`: texts as they are. `arrays` are the
    keywords of arrays that are not enforced."""
    if is_sure(schema):
        return
    have = kinds(schema, at.root)
    if "oneOf" in schema:
        yield at.gap("oneOf", "more than one of them may hold")
    if "allOf" in schema and have & {"array", "boolean"}:
        yield at.gap("allOf", "not enforced for lists and booleans")
    if "allOf" in schema and "object" in have:
        yield from view({"allOf": schema["allOf"]}, at).gaps
    if "array" in have:
        yield from (at.gap(key, "not enforced for lists") for key in arrays if key in schema)
    if "object" in have:
        yield from (gap for gap in own(schema, at).gaps if gap.keyword not in ("const", "enum"))
    if raw and "string" in have:
        yield from missing(at.path, schema)
    for inner, there in within(schema, at):
        yield from lost(inner, there, raw=raw, arrays=arrays)


def within(schema: Schema, at: Source) -> Iterator[tuple[Any, Source]]:
    """The schemas in this one, and those that it refers to, less those that are sure."""
    for key in INNER if not schema.keys().isdisjoint(INNER) else ():
        match schema.get(key):
            case list() as each:
                yield from ((one, at.down(key, number)) for number, one in enumerate(each) if not is_sure(one))
            case Mapping() as one if key == "properties":
                yield from ((inner, at.down(key, name)) for name, inner in one.items() if not is_sure(inner))
            case one if not is_sure(one):
                yield one, at.down(key)
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref not in at.seen:
        yield resolve(at.root, ref), replace(at.down("$ref"), seen=at.seen | {ref})
