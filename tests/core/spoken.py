"""Whether a value can be said under a grammar, with the keys of its objects in any order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from llguidance import LLMatcher


class Spent(Exception):
    """The search for an order of the keys took too many steps."""


class Speaker:
    """Says values step by step. Keys go first in the order of that `properties` which has most of them."""

    def __init__(self, start: LLMatcher, schema: Any) -> None:
        self.start = start
        self.orders = list(orders(schema))
        self.steps = 0

    def can(self, value: Any, steps: int) -> bool:
        """Raises Spent where no way to say it is found within so many steps."""
        self.steps = steps
        return any(end.is_accepting() for end in self.say(self.start, value))

    def text(self, at: LLMatcher, text: str) -> Iterator[LLMatcher]:
        self.steps -= 1
        if self.steps < 0:
            raise Spent
        tokens, after = list(text.encode("utf-8", "surrogatepass")), at.deep_copy()
        if after.try_consume_tokens(tokens) == len(tokens):
            yield after

    def say(self, at: LLMatcher, value: Any) -> Iterator[LLMatcher]:
        match value:
            case dict():
                for inside in self.text(at, "{"):
                    yield from self.members(inside, value, list(value), "")
            case list():
                for inside in self.text(at, "["):
                    yield from self.items(inside, value, "")
            case float() if value == value // 1 and abs(value) < 1e300:  # 2.0 can be said as 2
                yield from self.text(at, json.dumps(value))
                yield from self.text(at, str(int(value)))
            case _:
                yield from self.text(at, json.dumps(value, ensure_ascii=False))

    def members(self, at: LLMatcher, value: dict[str, Any], keys: list[str], comma: str) -> Iterator[LLMatcher]:
        if not keys:
            yield from self.text(at, "}")
        for key in self.sorted(keys):
            for inside in self.text(at, f"{comma}{json.dumps(key, ensure_ascii=False)}: "):
                for after in self.say(inside, value[key]):
                    yield from self.members(after, value, [other for other in keys if other != key], ", ")

    def items(self, at: LLMatcher, left: list[Any], comma: str) -> Iterator[LLMatcher]:
        if not left:
            yield from self.text(at, "]")
            return
        for inside in self.text(at, comma):
            for after in self.say(inside, left[0]):
                yield from self.items(after, left[1:], ", ")

    def sorted(self, keys: list[str]) -> list[str]:
        best = max(self.orders, key=lambda order: len(set(order) & set(keys)), default=[])
        return sorted(keys, key=lambda key: best.index(key) if key in best else len(best))


def orders(schema: Any) -> Iterator[list[str]]:
    if isinstance(schema, dict):
        if isinstance(properties := schema.get("properties"), dict):
            yield list(properties)
        schema = list(schema.values())
    if isinstance(schema, list):
        for item in schema:
            yield from orders(item)
