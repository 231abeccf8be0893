"""The properties of an object's schema, one by one, for notations that write arguments one by one. Never compiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from cortex.core.chat import Schema
from cortex.core.place import Gap
from cortex.core.pointer import DEFS, parts, refs, resolve

# What says something of an object as a whole: it is lost where the members are enforced one by one.
WHOLE = (
    *("patternProperties", "minProperties", "maxProperties", "propertyNames", "dependentRequired", "dependentSchemas"),
    *("dependencies", "if", "not", "const", "enum", "unevaluatedProperties"),
)
ALTERNATIVES = ("anyOf", "oneOf")
LISTED = frozenset({"type", "properties", "required", "additionalProperties"})
KINDS = frozenset({"null", "boolean", "number", "string", "array", "object"})


@dataclass(frozen=True, slots=True)
class Members:
    """What may stand in an object.

    `properties` are in the schema's order; each of their schemas stands alone. `additional` says what other keys may
    hold; None: there are no other keys. `gaps` are what this view cannot say.
    """

    properties: Mapping[str, Schema] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    additional: Schema | None = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()


def members(schema: Schema) -> Members:
    """The members of the object that this schema describes. Alternatives are joined, and named as gaps."""
    if is_listed(schema):
        return Members(schema["properties"], frozenset(schema.get("required", ())), None)
    found = view(schema, Source(schema))
    return replace(
        found,
        properties={key: alone(value, schema) for key, value in found.properties.items()},
        additional=None if found.additional is None else alone(found.additional, schema),
    )


def is_listed(schema: Schema) -> bool:
    """Whether this is an object that says nothing but its properties, as most that tools take: each has a schema of its
    own, and there are no others."""
    if not schema.keys() <= LISTED or schema.get("additionalProperties") is not False:
        return False
    given = schema.get("properties")
    return isinstance(given, dict) and all(isinstance(value, dict) for value in given.values())


def elements(schema: Schema) -> Schema:
    """What the items of the arrays of this schema are. Alternatives are joined."""
    found = list(items(schema, schema))
    return alone(some(found), schema) if found else {}


def items(schema: Any, root: Schema, seen: frozenset[str] = frozenset()) -> Iterator[Schema]:
    if "array" not in kinds(schema, root):
        return
    if "items" in schema:
        yield subschema(schema["items"])
    if isinstance(ref := schema.get("$ref"), str) and ref not in seen:
        yield from items(resolve(root, ref), root, seen | {ref})
    for keyword in (*ALTERNATIVES, "allOf"):
        for one in listed(schema, keyword):
            yield from items(one, root, seen)


def is_text(schema: Schema) -> bool:
    """Whether every value of this schema is a string."""
    return kinds(schema) == {"string"}


def may_be_text(schema: Schema) -> bool:
    """Whether a value of this schema may be a string."""
    return "string" in kinds(schema)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a part of a schema stands: its root, the path to it, and the references followed on the way."""

    root: Schema
    path: tuple[str, ...] = ()
    seen: frozenset[str] = frozenset()

    def down(self, *steps: object) -> Source:
        return Source(self.root, (*self.path, *map(str, steps)), self.seen)

    def gap(self, keyword: str, reason: str) -> Gap:
        return Gap((*self.path, keyword), reason)


def view(schema: Any, at: Source) -> Members:
    if not isinstance(schema, Mapping):
        return Members()
    pieces = [own(schema, at), *referred(schema, at)]
    for number, item in enumerate(listed(schema, "allOf")):
        pieces.append(view(item, at.down("allOf", number)))
    pieces += [joined(schema, keyword, at) for keyword in ALTERNATIVES if listed(schema, keyword)]
    return reduce(both, pieces)


def own(schema: Schema, at: Source) -> Members:
    given = schema.get("properties")
    properties = dict(given) if isinstance(given, Mapping) else {}
    required, rest = schema.get("required"), schema.get("additionalProperties", True)
    barred = [key for key, value in properties.items() if value is False]
    patterns = schema.get("patternProperties")
    said = [key for key in WHOLE if key in schema and not (key == "patternProperties" and patterns == {"": {}})]
    gaps = [at.gap(key, "not enforced where arguments are written one by one") for key in said]
    if rest is False and isinstance(patterns, Mapping) and patterns:
        rest = some([subschema(value) for value in patterns.values()])
    if rest is False:
        barred = []  # as every other key is
    return Members(
        {key: subschema(value) for key, value in properties.items() if value is not False},
        frozenset(required) if isinstance(required, list) else frozenset(),
        None if rest is False else subschema(rest),
        (
            *gaps,
            *(at.down("properties").gap(key, "not barred") for key in barred),
        ),
    )


def subschema(value: Any) -> Schema:
    return value if isinstance(value, Mapping) else {}


def listed(schema: Schema, key: str) -> Sequence[Any]:
    value = schema.get(key)
    return value if isinstance(value, list) else ()


def referred(schema: Schema, at: Source) -> list[Members]:
    ref = schema.get("$ref")
    if not isinstance(ref, str) or ref in at.seen:
        return []
    target = resolve(at.root, ref)
    if target is None:
        return [Members(gaps=(at.gap("$ref", "does not point into this schema"),))]
    return [view(target, replace(at.down("$ref"), seen=at.seen | {ref}))]


def joined(schema: Schema, keyword: str, at: Source) -> Members:
    """The alternatives as one: every key of theirs, and as required only what all of them require."""
    views = [view(item, at.down(keyword, n)) for n, item in enumerate(listed(schema, keyword)) if is_object(item, at)]
    found = reduce(either, views) if views else Members()
    if all(one == found for one in views):
        return found
    return replace(found, gaps=(*found.gaps, at.gap(keyword, "which keys go together is not enforced")))


def is_object(schema: Any, at: Source) -> bool:
    return "object" in kinds(schema, at.root)


def both(a: Members, b: Members) -> Members:
    keys = dict.fromkeys([*a.properties, *b.properties])
    pairs = {key: (value_of(a, key), value_of(b, key)) for key in keys}
    return Members(
        {key: meet(x, y) for key, (x, y) in pairs.items() if x is not None and y is not None},
        a.required | b.required,
        None if a.additional is None or b.additional is None else meet(a.additional, b.additional),
        a.gaps + b.gaps,
    )


def value_of(one: Members, key: str) -> Schema | None:
    return one.properties.get(key, one.additional)


def meet(x: Schema, y: Schema) -> Schema:
    if not x or x == y:
        return y
    return {"allOf": [x, y]} if y else x


def either(a: Members, b: Members) -> Members:
    keys = dict.fromkeys([*a.properties, *b.properties])
    pairs = {key: [one.properties[key] for one in (a, b) if key in one.properties] for key in keys}
    rest = [one.additional for one in (a, b) if one.additional is not None]
    return Members(
        {key: some(values) for key, values in pairs.items()},
        a.required & b.required,
        some(rest) if rest else None,
        a.gaps + b.gaps,
    )


def some(values: Sequence[Schema]) -> Schema:
    if not all(values):
        return {}
    return values[0] if all(value == values[0] for value in values) else {"anyOf": list(values)}


def alone(schema: Schema, root: Schema) -> Schema:
    """The schema with those definitions of the root that it needs."""
    if not any(name in root for name in DEFS) or not (needed := reachable(schema, root)):
        return schema
    kept = {name: pick(root[name], name, needed) for name in DEFS if isinstance(root.get(name), Mapping)}
    return {**schema, **{name: value for name, value in kept.items() if value}}


def pick(definitions: Schema, name: str, needed: frozenset[tuple[str, ...]]) -> Schema:
    return {key: value for key, value in definitions.items() if (name, key) in needed}


def reachable(schema: Schema, root: Schema) -> frozenset[tuple[str, ...]]:
    """Where the references lead that lead out of this part of a schema, and those behind them: by their first steps."""
    found: set[str] = set()
    todo = list(refs(schema))
    while todo:
        if (ref := todo.pop()) not in found:
            found.add(ref)
            todo += refs(resolve(root, ref))
    return frozenset(tuple(parts(ref)[:2]) for ref in found)


def kinds(schema: Any, root: Schema | None = None, seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """The types of JSON (integers are numbers) that a value of this schema can have, as far as it says so itself."""
    if not isinstance(schema, Mapping):
        return frozenset() if schema is False else KINDS
    if len(schema) == 1 and "type" in schema:  # the same as below, for most
        return named(schema)
    root = schema if root is None else root
    found = named(schema) & valued(schema)
    for item in listed(schema, "allOf"):
        found &= kinds(item, root, seen)
    for options in filter(None, (listed(schema, keyword) for keyword in ALTERNATIVES)):
        found &= frozenset().union(*(kinds(item, root, seen) for item in options))
    if isinstance(ref := schema.get("$ref"), str) and ref not in seen and (target := resolve(root, ref)) is not None:
        found &= kinds(target, root, seen | {ref})
    return found


def named(schema: Schema) -> frozenset[str]:
    given = schema.get("type", [])
    types = {each for each in (given if isinstance(given, list) else [given]) if isinstance(each, str)}
    if not types:
        return KINDS
    return frozenset({*types, *["number"] * ("integer" in types), *["null"] * (schema.get("nullable") is True)}) & KINDS


def valued(schema: Schema) -> frozenset[str]:
    found = frozenset({kind(schema["const"])}) if "const" in schema else KINDS
    return found & {kind(value) for value in listed(schema, "enum")} if "enum" in schema else found


def kind(value: object) -> str:
    """The name that JSON Schema has for the type of this value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case Mapping():
            return "object"
        case list():
            return "array"
    return "number"
