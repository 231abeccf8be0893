"""Where things are in a schema: places, and what its `$ref`s point to. Never fetches anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

DEFS = ("$defs", "definitions")
DATA = {"enum", "const", "default", "examples", "example"}  # what is in them is no schema
NAMED = {*DEFS, "properties", "patternProperties", "dependentSchemas", "dependencies"}  # names, each with a schema

ESCAPES = re.compile("(?:%[0-9a-fA-F]{2})+")
SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
ORIGIN = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*:)?(//[^/]*)?")

Path = tuple[str, ...]


def parts(ref: str) -> list[str]:
    """The steps of a pointer: `#/$defs/a~1b` is $defs, then a/b."""
    return [unquote(step).replace("~1", "/").replace("~0", "~") for step in ref.lstrip("#").split("/")[1:]]


def unquote(text: str) -> str:
    return ESCAPES.sub(lambda found: bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace"), text)


def joined(base: str, address: str) -> str:
    """An address as it is meant in a document at `base` (RFC 3986, without queries)."""
    if not address or SCHEME.match(address):
        return address or base
    origin = found[0] if (found := ORIGIN.match(base)) else ""
    if address.startswith("/"):
        return origin + address
    steps: list[str] = []
    for step in [*base[len(origin) :].split("/")[:-1], *address.split("/")]:
        if step == "..":
            steps = steps[:-1]
        elif step != ".":
            steps.append(step)
    return origin + "/".join(steps)


def resolve(root: Any, ref: object) -> Any:
    """What a pointer into this schema points to; None where there is nothing."""
    if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
        return None
    found = root
    for step in parts(ref):
        found = child(found, step)
    return found


def child(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return None


def refs(value: Any) -> Iterator[str]:
    """Every `$ref` in a schema, as written."""
    return (ref for _, ref in referring(value))


def referring(value: Any) -> Iterator[tuple[Any, str]]:
    """Every schema with a reference in a schema, and the reference as written."""
    if isinstance(value, Mapping) and isinstance(ref := value.get("$ref", value.get("$dynamicRef")), str):
        yield value, ref
    for _, item in inside(value):
        yield from referring(item)


def inside(value: Any) -> Iterator[tuple[Path, Any]]:
    """What may be a schema in this schema or list, and the way to it."""
    if isinstance(value, list):
        yield from (((str(number),), item) for number, item in enumerate(value))
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in NAMED and isinstance(item, Mapping):
                yield from (((key, name), inner) for name, inner in item.items())
            elif key not in DATA:
                yield (key,), item


class Index:
    """The places of a document that references may name: by address, by anchor, by pointer."""

    def __init__(self, root: Any) -> None:
        self.legacy = "definitions" in root and "$defs" not in root  # older drafts ignore what stands beside `$ref`
        self._paths: dict[int, Path] = {}
        self._bases: dict[int, str] = {}
        self._known: dict[str, Any] = {"": root}
        self.dynamic: dict[str, int] = {}
        self._recursive: dict[int, bool] = {}
        self._walk(root, (), "")

    def find(self, ref: str, beside: Any) -> tuple[Any, Path] | None:
        """What a reference that stands in the schema `beside` points to, and the path to it."""
        base = self._bases.get(id(beside), "")
        address, _, fragment = ref.partition("#")
        url = joined(base, address)
        if fragment and not fragment.startswith("/"):
            return self._placed(self._known.get(f"{url}#{unquote(fragment)}"))
        document = self._known.get(url)
        found = resolve(document, f"#{fragment}") if document is not None else None
        return self._placed(found, (*self._paths.get(id(document), ()), *parts(fragment)))

    def recursive(self, schema: Mapping[str, Any]) -> bool:
        """Whether a value of this schema may hold another one of it."""
        if id(schema) not in self._recursive:
            self._recursive[id(schema)] = id(schema) in self._below(schema)
        return self._recursive[id(schema)]

    def _below(self, schema: Any) -> set[int]:
        """The schemas that references from here lead to, from one to the next."""
        found: set[int] = set()
        todo = [schema]
        while todo:
            for beside, ref in referring(todo.pop()):
                if (target := self.find(ref, beside)) and id(target[0]) not in found:
                    found.add(id(target[0]))
                    todo.append(target[0])
        return found

    def _placed(self, found: Any, path: Path = ()) -> tuple[Any, Path] | None:
        return None if found is None else (found, self._paths.get(id(found), path))

    def _walk(self, value: Any, path: Path, base: str) -> None:
        if isinstance(value, Mapping):
            base = self._named(value, base)
            self._paths[id(value)], self._bases[id(value)] = path, base
        for steps, item in inside(value):
            self._walk(item, (*path, *steps), base)

    def _named(self, schema: Mapping[str, Any], base: str) -> str:
        """The address of what stands in this schema; its names are noted."""
        own = schema.get("$id", schema.get("id"))
        if isinstance(own, str) and not (self.legacy and "$ref" in schema):
            address, _, fragment = own.partition("#")
            base = joined(base, address)
            self._known.setdefault(f"{base}#{fragment}" if fragment else base, schema)
        for key in ("$anchor", "$dynamicAnchor"):
            if isinstance(name := schema.get(key), str):
                self._known.setdefault(f"{base}#{name}", schema)
                self.dynamic[name] = self.dynamic.get(name, 0) + (key == "$dynamicAnchor")
        return base
