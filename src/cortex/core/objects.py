"""The keywords of a schema that speak of objects. Never looks at other types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cortex.core.chat import Schema
from cortex.core.leaves import translated, whole
from cortex.core.place import Nonsense, Place, Result
from cortex.core.pointer import Index
from cortex.core.regex import plain

STEM = re.compile(r"\^([\w/@ ]*)([*?{]?)")
OPENING = {"additionalProperties", "patternProperties", "unevaluatedProperties"}
UNCERTAIN = {"anyOf", "oneOf", "if", "dependentSchemas", "dependencies", "patternProperties"}
SILENT = ("type", "title", "description")
ESCAPABLE = "keys that are written with escapes are not held to it"


class Maker(Protocol):
    close: bool

    @property
    def index(self) -> Index: ...
    def schema(self, schema: Any, at: Place) -> Result: ...


@dataclass(frozen=True, slots=True)
class Objects:
    """`at` is where the schema stands, `inner` where what is in it stands: merged, if there is more than one."""

    maker: Maker
    schema: Schema
    at: Place
    inner: Place

    def made(self, beside: list[Result]) -> dict[str, Any]:
        """The keywords as the engine enforces them."""
        given = mapping(self.schema, "properties", self.inner)
        required = [*self.required(), *(key for key, value in given.items() if truly(value))]
        out: dict[str, Any] = {}
        places = {key: self.inner.inner("properties", key) for key in given}
        properties: dict[str, Any] = {key: self.maker.schema(given[key], place) for key, place in places.items()}
        self.others(out, properties)
        if required:
            out["required"] = list(dict.fromkeys(required))
        self.counts(out, properties)
        return {"properties": properties, **out} if properties else out

    def required(self) -> list[str]:
        found = self.schema.get("required", [])
        if isinstance(found, bool):
            return []  # draft 3: said of the object around it
        known = isinstance(found, list) and all(isinstance(item, str) for item in found)
        self.inner.need(known, "required", "a list of properties' names")
        return list(found)

    # Properties that are not listed

    def others(self, out: dict[str, Any], properties: dict[str, Any]) -> None:
        patterns = mapping(self.schema, "patternProperties", self.inner)
        rest = self.schema.get("additionalProperties")
        if rest is not None:
            out["additionalProperties"] = self.maker.schema(rest, self.inner.inner("additionalProperties"))
        if patterns:
            self.patterned(out, patterns)
        if "propertyNames" in self.schema:
            self.names(out, properties)
        self.closed(out, properties)
        if properties and self.alone and "patternProperties" not in self.schema:
            self.unescaped(out, list(properties))

    def unescaped(self, out: dict[str, Any], names: list[str]) -> None:
        """Other keys by a pattern: the engine would let a listed key pass as another one, written with escapes."""
        rest = out.get("additionalProperties", True)
        if rest in (True, {}):
            out |= {"patternProperties": {"": {}}, "additionalProperties": False}
        elif rest is not False and sum(map(len, names)) < 2000 and max(map(len, names)) < 200:
            out |= {"patternProperties": {f"^(?:{unlike(names)})$": rest}, "additionalProperties": False}

    @property
    def alone(self) -> bool:
        return self.inner.merged is None

    def patterned(self, out: dict[str, Any], patterns: Mapping[str, Any]) -> None:
        at = self.inner
        made = {key: self.maker.schema(value, at.inner("patternProperties", key)) for key, value in patterns.items()}
        texts = [translated(key, "patternProperties", at) for key in patterns]
        known = [text.text for text in texts if text is not None]
        if len(known) < len(texts):
            pass  # the gap is named
        elif not self.alone:
            at.gap("patternProperties", "not enforced where schemas are merged")
        elif not distinct(list(patterns)):
            at.gap("patternProperties", "not enforced where a key may match more than one of the patterns")
        else:
            out["patternProperties"] = dict(zip(known, made.values(), strict=True))
            if out.get("additionalProperties") is not False:
                at.gap("patternProperties", ESCAPABLE)
            return
        if "additionalProperties" in out:
            out["additionalProperties"] = some([*made.values(), out["additionalProperties"]])

    def names(self, out: dict[str, Any], properties: dict[str, Any]) -> None:
        """`propertyNames`, where it is a pattern for all keys."""
        given, at = self.schema["propertyNames"], self.inner
        if given is True or (isinstance(given, Mapping) and not given.keys() - set(SILENT)):
            return
        text = spelled(given, at.down("propertyNames"))
        if text is None or not self.alone or properties or "patternProperties" in out:
            at.gap("propertyNames", "not enforced")
        elif out.get("additionalProperties") is not False:
            out |= {"patternProperties": {text: out.get("additionalProperties", {})}, "additionalProperties": False}

    def closed(self, out: dict[str, Any], properties: dict[str, Any]) -> None:
        """Close what is to be closed, by the names of all properties that are listed for the same value."""
        must = self.schema.get("unevaluatedProperties", True)
        if must is not True and (self.at.merged is not None or isinstance(must, Mapping)):
            self.inner.gap("unevaluatedProperties", "not enforced where schemas are merged")
            return
        wanted = must is False or (self.maker.close and ("properties" in self.schema or not self.alone))
        if not wanted or self.at.merged is not None:
            return
        found = surveyed(self.schema, self.maker)
        if must is False and not found.certain:
            self.inner.gap("unevaluatedProperties", "which of the alternatives holds is not looked at")
        if found.says - {"unevaluatedProperties"} or not (found.lists or must is False):
            return
        properties |= {name: {} for name in found.names if name not in properties}
        out["additionalProperties"] = False

    # How many properties

    def counts(self, out: dict[str, Any], properties: dict[str, Any]) -> None:
        least, most = (whole(self.schema, key, self.inner) for key in ("minProperties", "maxProperties"))
        there = {key for key, value in properties.items() if value is not False}
        needed = set(out.get("required", ()))
        shut = out.get("additionalProperties") is False and "patternProperties" not in out
        if least is not None and least > len(needed):
            self.count(out, "minProperties", least, there <= needed or (shut and not needed and least == 1))
        if most is not None and not (shut and most >= len(there)):
            self.count(out, "maxProperties", most, there <= needed or (shut and not needed and most == 1))

    def count(self, out: dict[str, Any], key: str, value: int, possible: bool) -> None:
        if possible and self.alone:
            out[key] = value
        else:
            self.inner.gap(key, "not enforced where properties may be left out")


def mapping(schema: Schema, key: str, at: Place) -> Mapping[str, Any]:
    found = schema.get(key, {})
    at.need(isinstance(found, Mapping), key, "an object")
    given: Mapping[str, Any] = found
    return given


def truly(schema: Any) -> bool:
    """Whether a property says of itself that it is required, as in draft 3."""
    return isinstance(schema, dict) and schema.get("required") is True


def some(schemas: list[Result]) -> Result:
    if True in schemas or {} in schemas:
        return True
    found = [schema for schema in schemas if schema is not False]
    return {"anyOf": found} if found else False


def distinct(patterns: list[str]) -> bool:
    """Whether no key can match two of these patterns: they begin with different letters."""
    if len(patterns) < 2:
        return True
    stems = [stem(pattern) for pattern in patterns]
    return not any(one.startswith(other) for n, one in enumerate(stems) for m, other in enumerate(stems) if n != m)


def stem(pattern: str) -> str:
    """What every text that matches begins with."""
    found = STEM.match(pattern)
    if found is None or "|" in pattern:
        return ""
    return found[1][:-1] if found[2] else found[1]


def spelled(given: Any, at: Place) -> str | None:
    """A pattern for the keys that `propertyNames` allows; None where there is none."""
    if given is False:
        return None
    if not isinstance(given, Mapping):
        raise Nonsense(at.path, "must be a schema: an object, true or false")
    bare = {key: value for key, value in given.items() if key not in SILENT}
    if bare.keys() <= {"minLength", "maxLength"}:
        least, most = whole(bare, "minLength", at) or 0, whole(bare, "maxLength", at)
        return rf"^[\s\S]{{{least},{'' if most is None else most}}}$"
    match list(bare.items()):
        case [("pattern", str() as pattern)]:
            found = translated(pattern, "pattern", at)
            return None if found is None else found.text
        case [("enum", [*names])] if all(isinstance(name, str) for name in names):
            return f"^(?:{'|'.join(map(literal, names))})$"
        case [("const", str() as name)]:
            return f"^{literal(name)}$"
    return None


def literal(text: str) -> str:
    return "".join(map(plain, text))


def unlike(names: Sequence[str]) -> str:
    """A pattern for all texts but these: letter by letter, since the engine knows no look-ahead."""
    following: dict[str, list[str]] = {}
    for name in filter(None, names):
        following.setdefault(name[0], []).append(name[1:])
    ways = [f"{plain(letter)}(?:{unlike(rests)})" for letter, rests in following.items()]
    ways.append(f"[^{literal(''.join(following))}][\\s\\S]*" if following else r"[\s\S]+")
    return "|".join(ways if "" in names else ["", *ways])


@dataclass(slots=True)
class Survey:
    """All that is said of an object's properties by the schemas that hold for it.

    `says` are the keywords that open or close it; `certain`: none of the schemas is an alternative to others.
    """

    names: list[str] = field(default_factory=list)
    lists: bool = False
    says: set[str] = field(default_factory=set)
    certain: bool = True

    def add(self, schema: Mapping[str, Any]) -> None:
        needed = [schema.get("required"), *values_of(schema, "dependentRequired"), *values_of(schema, "dependencies")]
        self.names += [*mapped(schema, "properties"), *(name for names in needed for name in texts(names))]
        self.lists = self.lists or "properties" in schema
        self.says |= OPENING & schema.keys()
        self.certain = self.certain and not UNCERTAIN & schema.keys()


def surveyed(schema: Any, maker: Maker) -> Survey:
    found, seen, todo = Survey(), set(), [schema]
    while todo:
        one = todo.pop(0)
        if isinstance(one, Mapping) and id(one) not in seen:
            seen.add(id(one))
            found.add(one)
            todo += within(one, maker)
    return found


def within(schema: Mapping[str, Any], maker: Maker) -> Iterator[Any]:
    """The schemas in this one that hold for the same value, or may hold."""
    for key in ("allOf", "anyOf", "oneOf"):
        yield from given if isinstance(given := schema.get(key), list) else ()
    yield from (schema[key] for key in ("if", "then", "else") if key in schema)
    yield from (*values_of(schema, "dependentSchemas"), *values_of(schema, "dependencies"))
    for key in ("$ref", "$dynamicRef"):
        if isinstance(ref := schema.get(key), str) and (target := maker.index.find(ref, schema)):
            yield target[0]


def mapped(schema: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = schema.get(key)
    return found if isinstance(found, Mapping) else {}


def values_of(schema: Mapping[str, Any], key: str) -> list[Any]:
    return list(mapped(schema, key).values())


def texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
