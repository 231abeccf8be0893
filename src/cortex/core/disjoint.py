"""Whether at most one of several schemas can hold for a value. Says yes only where that is certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from cortex.core.chat import Schema
from cortex.core.leaves import same
from cortex.core.members import KINDS, kinds
from cortex.core.objects import mapped, texts
from cortex.core.pointer import resolve


def disjoint(schemas: Sequence[Any], root: Schema, among: frozenset[str] = KINDS) -> bool:
    """Whether no two of these schemas can hold for the same value of these types."""
    return all(apart(one, other, root, among) for one, other in combinations(schemas, 2))


def apart(one: Any, other: Any, root: Schema, among: frozenset[str]) -> bool:
    one, other = target(one, root), target(other, root)
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return one is False or other is False
    common = kinds(one, root) & kinds(other, root) & among
    if not common:
        return True
    return values_apart(one, other) or (common == {"object"} and told(one, other))


def told(one: Schema, other: Schema) -> bool:
    """Whether a property tells these objects apart: one of them needs it, and its values have nothing in common."""
    needed = {*texts(one.get("required")), *texts(other.get("required"))}
    left, right = mapped(one, "properties"), mapped(other, "properties")
    return any(values_apart(left[name], right[name]) for name in needed if name in left and name in right)


def values_apart(one: Any, other: Any) -> bool:
    left, right = options(one), options(other)
    return left is not None and right is not None and not any(same(x, y) for x in left for y in right)


def target(schema: Any, root: Schema) -> Any:
    """What a bare reference points to, by a few steps."""
    for _ in range(8):
        if not isinstance(schema, Mapping) or not isinstance(ref := schema.get("$ref"), str):
            return schema
        schema = resolve(root, ref) or {}
    return {}


def options(schema: Any) -> list[Any] | None:
    """The values that a schema lists; None where it lists none."""
    if not isinstance(schema, Mapping):
        return None
    if "const" in schema:
        return [schema["const"]]
    given = schema.get("enum")
    return given if isinstance(given, list) else None
