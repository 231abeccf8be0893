"""A place in a schema that is being made enforceable, and what is found out there. Never looks at the schema."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Gap:
    """A keyword that is not enforced. `path` leads to it from the schema's top; its last part is the keyword."""

    path: tuple[str, ...]
    reason: str

    @property
    def keyword(self) -> str:
        return self.path[-1]

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {self.reason}"


class Nonsense(ValueError):
    """What stands at `path` means nothing in any schema."""

    def __init__(self, path: tuple[str, ...], reason: str) -> None:
        super().__init__(f"{'.'.join(path)} {reason}")
        self.path, self.reason = path, reason


@dataclass(slots=True)
class Group:
    """What is known of schemas that hold for one and the same value, and so are merged, and of those for its parts.

    At most one of them may be recursive or have a multipleOf, and at most two a pattern: the engine cannot merge more.
    """

    recursive: bool = False
    steps: int = 0
    patterns: int = 0
    children: dict[str, Group] = field(default_factory=dict)

    def child(self, key: str) -> Group:
        return self.children.setdefault(key, Group())

    def copy(self) -> Group:
        return Group(
            self.recursive, self.steps, self.patterns, {key: child.copy() for key, child in self.children.items()}
        )

    def fits(self, other: Group) -> bool:
        if self.recursive + other.recursive > 1 or self.steps + other.steps > 1 or self.patterns + other.patterns > 2:
            return False
        return all(self.children[key].fits(child) for key, child in other.children.items() if key in self.children)

    def add(self, other: Group) -> None:
        self.recursive = self.recursive or other.recursive
        self.steps, self.patterns = self.steps + other.steps, self.patterns + other.patterns
        for key, child in other.children.items():
            self.child(key).add(child)

    def cover(self, other: Group) -> None:
        """Know the most of both: either may hold."""
        self.recursive = self.recursive or other.recursive
        self.steps, self.patterns = max(self.steps, other.steps), max(self.patterns, other.patterns)
        for key, child in other.children.items():
            self.child(key).cover(child)


@dataclass(frozen=True, slots=True)
class Place:
    """`merged`: the schema here is one of several for the same value; None where it stands alone."""

    gaps: list[Gap] = field(default_factory=list)
    path: tuple[str, ...] = ()
    merged: Group | None = None

    def down(self, *steps: object) -> Place:
        """A further schema for the same value."""
        return Place(self.gaps, (*self.path, *map(str, steps)), self.merged)

    def inner(self, *steps: object) -> Place:
        """A schema for a part of the value."""
        group = None if self.merged is None else self.merged.child(str(steps[-1]))
        return Place(self.gaps, (*self.path, *map(str, steps)), group)

    def apart(self) -> Place:
        """The place of an alternative to others."""
        return self if self.merged is None else replace(self, merged=self.merged.copy())

    def rejoin(self, places: Sequence[Place]) -> None:
        """Note what was found out in alternatives."""
        for place in places:
            if self.merged is not None and place.merged is not None:
                self.merged.cover(place.merged)

    def gap(self, keyword: str, reason: str) -> None:
        self.gaps.append(Gap((*self.path, keyword), reason))

    def need(self, holds: bool, keyword: str, words: str) -> None:
        """Raises Nonsense unless it holds."""
        if not holds:
            raise Nonsense((*self.path, keyword), f"must be {words}")


Result = bool | dict[str, Any]  # a schema that the engine enforces
TYPES: Collection[str] = ("null", "boolean", "integer", "number", "string", "array", "object")
