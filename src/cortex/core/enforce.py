"""Any JSON Schema -> one that the engine enforces word by word, and the gaps: what of it is not enforced.

The result refuses no value that the schema accepts, and accepts more only where a gap is named. With `close`, objects
that list their properties accept no others unless the schema says so. Never compiles anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from cortex.core.chat import Schema
from cortex.core.disjoint import disjoint
from cortex.core.kept import Kept
from cortex.core.leaves import NUMBERS, numbers, strings, types, values, whole
from cortex.core.members import KINDS, kinds
from cortex.core.objects import Objects, truly
from cortex.core.place import TYPES, Gap, Group, Nonsense, Place, Result
from cortex.core.pointer import Index, Path

WIDEST = 200  # the most alternatives of schemas that are merged: each of one is merged with each of the others
ALTERNATIVES = ("anyOf", "oneOf")
COMBINING = (
    *("$ref", "$dynamicRef", *ALTERNATIVES, "allOf", "not"),
    *("dependentRequired", "dependentSchemas", "dependencies"),
)
OWN = frozenset(
    {
        *("enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "items", "prefixItems"),
        *("properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties"),
        *("propertyNames", "unevaluatedProperties"),
    }
)
NOTES = {"title", "description", "default", "examples"}  # what says nothing of the value
PLAIN = {"type", *NOTES}
LISTED = {"type", "properties", "required", "additionalProperties", *NOTES}
PLAINEST: Mapping[str, dict[str, Any]] = {name: {"type": name} for name in TYPES}
UNENFORCED = {  # keyword -> why
    "if": "conditions are not enforced",
    "unevaluatedItems": "not enforced",
    "$recursiveRef": "not followed",
    "extends": "not followed",
    "disallow": "not enforced",
    "divisibleBy": "not enforced",
}
NOTHING: Schema = {"enum": []}  # what `false` is, where a schema has to be an object

NEAR, SHORT = 8, 500  # steps from the top and characters of schemas that are looked for among those made before
MADE: Mapping[bool, Kept[Result]] = {close: Kept(4096) for close in (True, False)}  # where objects are closed, or not


@dataclass(frozen=True, slots=True)
class Enforced:
    schema: Schema
    gaps: tuple[Gap, ...] = ()


def enforced(schema: Schema, *, close: bool = False) -> Enforced:
    """Raises Nonsense where a keyword's value means nothing."""
    maker, at = Enforcer(schema, close=close), Place()
    found = maker.schema(schema, at)
    top = found if isinstance(found, dict) else {} if found else NOTHING
    definitions = {"$defs": maker.definitions} if maker.definitions else {}
    return Enforced({**top, **definitions}, tuple(dict.fromkeys(at.gaps)))


class Enforcer:
    """Goes through one schema. Every reference of the result leads to its `definitions`."""

    def __init__(self, root: Schema, *, close: bool) -> None:
        self.root, self.close = root, close
        self.definitions: dict[str, Any] = {}
        self._names: dict[tuple[Path, bool], str] = {}
        self._groups: dict[str, Group | None] = {}  # None while the definition is being made

    @cached_property
    def index(self) -> Index:
        return Index(self.root)

    def schema(self, schema: Any, at: Place) -> Result:
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            raise Nonsense(at.path, "must be a schema: an object, true or false")
        if found := plainest(schema):
            return found
        if not at.path and at.merged is None:
            return self.fresh(schema, at)
        if at.merged is None and len(at.path) < NEAR:
            return self.repeated(schema, at)
        return self.made(schema, at)

    def is_listed(self, schema: Schema) -> bool:
        """Whether this is a closed object that says nothing but its properties, as most that tools take."""
        given, needed = schema.get("properties"), schema.get("required", [])
        if not (given and isinstance(given, dict) and isinstance(needed, list) and schema.keys() <= LISTED):
            return False
        shut = schema.get("additionalProperties", not self.close) is False
        return shut and schema.get("type") == "object" and all(isinstance(name, str) for name in needed)

    def listed(self, schema: Schema, at: Place) -> Result:
        """What `made` makes of it, in a short way."""
        given: Schema = schema["properties"]
        out = {key: plainest(value) or self.schema(value, at.inner("properties", key)) for key, value in given.items()}
        needed = dict.fromkeys(schema.get("required", ()))
        needed |= dict.fromkeys(key for key, value in given.items() if truly(value))
        if "additionalProperties" not in schema:
            out |= {key: {} for key in needed if key not in out}
        required = {"required": list(needed)} if needed else {}
        return {"type": "object", "properties": out, "additionalProperties": False, **required}

    def repeated(self, schema: Schema, at: Place) -> Result:
        """What `made` makes of it, made once: where tools are many, the same few schemas are in all of them. It is the
        same value each time, which the grammar's writer knows by its identity."""
        said = {key: value for key, value in schema.items() if key not in NOTES}
        text = repr(said)  # tells 1, 1.0 and true apart
        if len(text) > SHORT or "ef': " in text:  # references are found by the schema's identity
            return self.fresh(schema, at)
        known, gaps = MADE[self.close], len(at.gaps)
        if text in known:
            return known[text]
        found = self.fresh(said, at)
        return known.keep(text, found) if len(at.gaps) == gaps else found

    def fresh(self, schema: Schema, at: Place) -> Result:
        return self.listed(schema, at) if self.is_listed(schema) else self.made(schema, at)

    def made(self, schema: Schema, at: Place) -> Result:
        schema = self.lighter(schema, at)
        if not schema.keys().isdisjoint(COMBINING):
            return self.combined(schema, at)
        found = self.own(schema, at, at)
        return found[0] if len(found) == 1 else joined(found)

    def combined(self, schema: Schema, at: Place) -> Result:
        """A schema with others in it that hold for the same value."""
        inner = replace(at, merged=Group()) if at.merged is None and several(schema) else at
        order = list(schema)
        first = min(order.index(key) for key in COMBINING if key in schema)
        own = self.own(schema, at, inner)
        pieces = self.narrowed(list(self.pieces(schema, inner)), inner)
        late = "properties" in schema and order.index("properties") < first
        return joined([*own, *pieces] if late else [*pieces, *own])

    def lighter(self, schema: Schema, at: Place) -> Schema:
        """The schema without its type, where the schemas in it say it or can say it: what is merged costs more."""
        if "type" not in schema or OWN & schema.keys():
            return schema
        names, rest = types(schema, at), {k: v for k, v in schema.items() if k not in ("type", "nullable")}
        among = [key for key in COMBINING if key in schema]
        if len(among) == 1 and among[0] in ALTERNATIVES and isinstance(given := schema[among[0]], list):
            return {**rest, among[0]: [typed(item, names, at.down(among[0], n)) for n, item in enumerate(given)]}
        said = KINDS & set(names) if "integer" not in names or "number" in names else frozenset()
        return rest if among and kinds(rest, self.root) <= said else schema

    def own(self, schema: Schema, at: Place, inner: Place) -> list[Result]:
        """What the schema says itself. `at` is where it stands, `inner` where what is in it stands."""
        for key in () if schema.keys().isdisjoint(UNENFORCED) else UNENFORCED:
            if key in schema and not (key == "if" and not {"then", "else"} & schema.keys()):
                inner.gap(key, UNENFORCED[key])
        names = types(schema, at)
        given = values(schema, names, inner)
        if given == []:
            return [False]
        out: dict[str, Any] = {}
        if given is not None:
            out["enum"] = given
        elif "type" in schema:
            out["type"] = names[0] if len(names) == 1 else names
        beside: list[Result] = []
        if not NUMBERS.isdisjoint(names):
            out |= numbers(schema, inner)
        if "string" in names:
            out |= strings(schema, inner, beside)
        if "array" in names:
            out |= self.array(schema, inner)
        if "object" in names:
            out |= Objects(self, schema, at, inner).made(beside)
        return [out, *beside] if out else beside

    def array(self, schema: Schema, at: Place) -> dict[str, Any]:
        out: dict[str, Any] = {}
        first, rest = "prefixItems", "items"
        if isinstance(schema.get("items"), list):
            first, rest = "items", "additionalItems"  # until draft 2019-09
        if first in schema:
            at.need(isinstance(schema[first], list), first, "a list of schemas")
            out["prefixItems"] = [self.schema(item, at.inner(first, n)) for n, item in enumerate(schema[first])]
        if rest in schema:
            out["items"] = self.schema(schema[rest], at.inner(rest))
        for key in ("minItems", "maxItems"):
            if (count := whole(schema, key, at)) is not None:
                out[key] = count
        if schema.get("uniqueItems") is True and out.get("maxItems", 2) > 1:
            at.gap("uniqueItems", "not enforced")
        if "contains" in schema and (schema.get("minContains") != 0 or "maxContains" in schema):
            at.gap("contains", "not enforced")
        return out

    # Schemas within a schema, for the same value

    def pieces(self, schema: Schema, at: Place) -> Iterator[tuple[str, Result]]:
        for key in schema:
            match key:
                case "$ref" | "$dynamicRef":
                    yield from ((key, piece) for piece in self.referred(schema, key, at))
                case "allOf":
                    for number, item in enumerate(listed(schema, key, at)):
                        yield f"{key}.{number}", self.schema(item, at.down(key, number))
                case "anyOf" | "oneOf":
                    yield key, self.alternatives(schema, key, at)
                case "not":
                    yield from ((key, piece) for piece in negated(schema, at))
                case "dependentRequired" | "dependentSchemas" | "dependencies":
                    yield from ((key, piece) for piece in self.dependent(schema, key, at))

    def alternatives(self, schema: Schema, key: str, at: Place) -> Result:
        given = listed(schema, key, at)
        at.need(bool(given), key, "a list of at least one schema")
        if key == "oneOf" and len(given) > 1 and not disjoint(given, self.root, kinds(schema, self.root)):
            at.gap(key, "more than one of the alternatives may hold")
        places = [at.down(key, number).apart() for number in range(len(given))]
        found = [self.schema(item, place) for item, place in zip(given, places, strict=True)]
        at.rejoin(places)
        options = [item for item in found if item is not False]
        if True in options or {} in options:
            return True
        return options[0] if len(options) == 1 else {"anyOf": options} if options else False

    def dependent(self, schema: Schema, key: str, at: Place) -> Iterator[Result]:
        """Where the first property is there, the others must be there or the schema must hold; else it is absent."""
        given = schema[key]
        at.need(isinstance(given, Mapping), key, "an object")
        for number, (name, wanted) in enumerate(given.items()):
            if number > 2:
                at.down(key).gap(name, "more than three dependencies are not enforced")
                continue
            place = at.down(key, name).apart()
            then = {"required": wanted} if isinstance(wanted, list) else wanted
            found = self.schema(then, place)
            at.rejoin([place])
            if found is not True and found != {}:
                absent: Result = {"properties": {name: False}}
                yield {"anyOf": [absent, *([] if found is False else [found])]}

    def narrowed(self, pieces: list[tuple[str, Result]], at: Place) -> list[Result]:
        """The pieces as long as their alternatives, each merged with each, do not become too many."""
        total, found = 1, []
        for key, piece in pieces:
            if at.merged is not None and total * (own := self.width(piece)) > WIDEST:
                at.down(*key.split(".")[:-1]).gap(key.split(".")[-1], "too many alternatives to be merged")
                continue
            total *= own if at.merged is not None else 1
            found.append(piece)
        return found

    def width(self, schema: Result, seen: frozenset[str] = frozenset()) -> int:
        if isinstance(schema, bool):
            return 1
        found = sum(self.width(item, seen) for item in schema.get("anyOf", [])) or 1
        found *= math.prod(self.width(item, seen) for item in schema.get("allOf", []))
        if "$ref" not in schema or (name := schema["$ref"].rpartition("/")[2]) in seen:
            return found
        return found * self.width(self.definitions[name], seen | {name})

    # References

    def referred(self, schema: Schema, key: str, at: Place) -> list[Result]:
        ref = schema[key]
        at.need(isinstance(ref, str), key, "a string")
        target = self.index.find(ref, schema)
        if target is None:
            at.gap(key, "points to nothing in this schema")
            return []
        if key == "$dynamicRef" and self.index.dynamic.get(ref.partition("#")[2], 1) > 1:
            at.gap(key, "more than one place has this name")
            return []
        return self.defined(*target, at.down(key)) if isinstance(target[0], Mapping) else [self.schema(target[0], at)]

    def defined(self, target: Any, path: Path, at: Place) -> list[Result]:
        """A reference to a definition, made now if it is new. What is merged has definitions of its own."""
        place = (path, at.merged is not None)
        name = self._names.setdefault(place, str(len(self._names)))
        if name not in self._groups:
            self._groups[name] = None
            inside = Place(at.gaps, path, None if at.merged is None else Group())
            self.definitions[name] = {}  # in the order in which they are met
            self.definitions[name] = self.schema(target, inside)
            self._groups[name] = inside.merged or Group()
        return [reference(name)] if at.merged is None or self.merges(name, target, at) else []

    def merges(self, name: str, target: Any, at: Place) -> bool:
        """Whether the engine can merge this definition with what else holds here."""
        group = self._groups[name]
        if group is None:
            Place(at.gaps, at.path[:-1]).gap(at.path[-1], "leads back to itself, and cannot be merged")
            return False
        assert at.merged is not None
        group.recursive = group.recursive or self.index.recursive(target)
        if at.merged.fits(group):
            at.merged.add(group)
            return True
        Place(at.gaps, at.path[:-1]).gap(at.path[-1], "is too intricate to be merged")
        return False


def plainest(schema: Any) -> Result | None:
    """What most schemas are: a type, and what is said of it in words."""
    if isinstance(schema, dict) and schema.keys() <= PLAIN:
        kind = schema.get("type")
        return PLAINEST.get(kind) if isinstance(kind, str) else None
    return None


def reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def joined(pieces: list[Result]) -> Result:
    """One schema that all of these hold in."""
    found = [piece for piece in pieces if piece is not True and piece != {}]
    if False in found:
        return False
    if len(found) < 2:
        return found[0] if found else {}
    return {"allOf": found}


def several(schema: Schema) -> bool:
    """Whether more than one schema holds for the same value."""
    given = schema.get("allOf", [])
    inside = (len(given) if isinstance(given, list) else 1) + sum(key in schema for key in COMBINING if key != "allOf")
    return inside + bool("type" in schema or OWN & schema.keys()) > 1


def listed(schema: Schema, key: str, at: Place) -> list[Any]:
    given = schema[key]
    at.need(isinstance(given, list), key, "a list of schemas")
    found: list[Any] = given
    return found


def typed(schema: Any, names: list[str], at: Place) -> Any:
    """The schema for values of these types only."""
    if isinstance(schema, Mapping):
        own = types(schema, at)
        found = [name for name in own if name in names or (name == "integer" and "number" in names)]
        found += ["integer"] * ("integer" in names and "number" in own and "number" not in names)
        bare = {key: value for key, value in schema.items() if key != "nullable"}
        return {**bare, "type": list(dict.fromkeys(found))} if found else False
    return {"type": names} if schema is True else schema


def negated(schema: Schema, at: Place) -> Iterator[Result]:
    """`not`, where it says that there is nothing, or names types or a property that must be absent."""
    match schema["not"]:
        case True:
            yield False
        case False:
            return
        case Mapping() as inner if not inner:
            yield False
        case {"type": str() | list()} as inner if len(inner) == 1 and "integer" not in types(inner, at.down("not")):
            others = sorted(KINDS - set(types(inner, at.down("not"))))
            yield {"type": others} if others else False
        case {"required": [str() as name]} as inner if len(inner) == 1:
            yield from absent(schema, name)
        case _:
            at.gap("not", "not enforced")


def absent(schema: Schema, name: str) -> Iterator[Result]:
    """This property is not there; what is no object has no properties, and so is not accepted either."""
    yield {"type": "object", "properties": {name: False}}
