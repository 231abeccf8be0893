"""A JSON value that knows its place in the request, so that every complaint about it names the field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cortex.core.errors import BadRequest


@dataclass(frozen=True, slots=True)
class Node:
    """`path` is dotted, as in OpenAI's `param`: `tools.0.function.name`; "" is the request's body itself."""

    value: Any
    path: str = ""

    def get(self, key: str) -> Node | None:
        """The field `key` of this object; None where it is missing or null."""
        value = self.object().get(key)
        return None if value is None else Node(value, f"{self.path}.{key}" if self.path else key)

    def need(self, key: str, what: str) -> Node:
        """The field `key`, which must be there; `what` says in words what belongs into it."""
        found = self.get(key)
        if found is None:
            path = f"{self.path}.{key}" if self.path else key
            raise BadRequest(f"{path} is missing: it must be {what}", param=path, code="missing_required_parameter")
        return found

    def object(self) -> Mapping[str, Any]:
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return self.value

    def items(self) -> list[Node]:
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Node(value, f"{self.path}.{index}") for index, value in enumerate(self.value)]

    def string(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("a string")
        return self.value

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def number(self, low: float, high: float) -> float:
        if not _is_number(self.value) or not low <= self.value <= high:
            raise self.wrong(f"a number from {low:g} to {high:g}")
        return float(self.value)

    def integer(self, low: int, high: int | None = None) -> int:
        span = f" from {low} to {high}" if high is not None else f", {low} or more"
        whole = _is_number(self.value) and self.value == int(self.value)
        if not whole or self.value < low or (high is not None and self.value > high):
            raise self.wrong(f"an integer{span}")
        return int(self.value)

    def wrong(self, right: str) -> BadRequest:
        """The complaint that this value is not what it must be."""
        where = self.path or "the request body"
        kind = "invalid_value" if _same_type(right, self.value) else "invalid_type"
        return BadRequest(f"{where} must be {right}, not {shown(self.value)}", param=self.path or None, code=kind)

    def refused(self, why: str) -> BadRequest:
        """The complaint that this value is understood, but cannot be obeyed."""
        return BadRequest(f"{self.path}: {why}", param=self.path, code="unsupported_value")


def shown(value: Any) -> str:
    """A value in a message: short, and a container only by its type."""
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            text = json.dumps(value, ensure_ascii=False)
            return text if len(text) <= 60 else f"{text[:50]}... ({len(text)} characters)"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same_type(right: str, value: Any) -> bool:
    match value:
        case bool():
            return right.startswith("true")
        case int() | float():
            return right.startswith(("a number", "an integer"))
        case str():
            return right.startswith(('"', "a string", "one of"))
        case _:
            return False
