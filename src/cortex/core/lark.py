"""A writer of Lark grammars that knows which texts are single tokens. Never any policy.

A special token is not its spelling: a grammar that asks for the *text* "<tool_call>" forbids the *token* <tool_call>.
Every literal goes through here. The dialect of Lark is llguidance's (its docs/syntax.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

# The model's usual spacing is the only one: more tokens are forced, and no model loops on white space.
SPACING = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


class Lark:
    """Collects rules; `str()` is the grammar."""

    def __init__(self, specials: Mapping[str, int]) -> None:
        self.specials = specials
        self.rules = ["%llguidance {}"]
        self._names: dict[str, str] = {}
        self._split = re.compile("|".join(map(re.escape, sorted(specials, key=len, reverse=True))) or r"(?!)")

    def rule(self, body: str, name: str = "", flags: str = "") -> str:
        """Add a rule; return its name. The same body twice, without a name of its own, is one rule."""
        if not name and (known := self._names.get(flags + body)):
            return known
        name = name or f"r{len(self.rules)}"
        self.rules.append(f"{name}{flags}: {body}")
        self._names.setdefault(flags + body, name)
        return name

    def text(self, text: str) -> str:
        """Exactly this text, special tokens as tokens."""
        out, at = [], 0
        for special in self._split.finditer(text):
            out += [quote(text[at : special.start()]), f"<[{self.specials[special[0]]}]>"]
            at = special.end()
        return " ".join(filter(None, [*out, quote(text[at:])]))

    def until(self, text: str) -> str:
        """Anything, up to and including this text."""
        special = self._split.search(text)
        if special and special.start() == 0:  # a token cannot occur inside text, so greed does no harm
            return f"{self.rule('/(?s:.*)/')} {self.text(text)}"
        head, tail = (text[: special.start()], text[special.start() :]) if special else (text, "")
        return f"{self.rule(f'/(?s:.*)/ {quote(head)}', flags='[lazy]')} {self.text(tail)}"

    def json(self, schema: Mapping[str, Any], *, lenient: bool) -> str:
        """A value that follows this JSON Schema. Lenient: keywords that cannot be enforced are passed over."""
        return self.rule(f"%json {json.dumps({**schema, 'x-guidance': {**SPACING, 'lenient': lenient}})}")

    def __str__(self) -> str:
        return "\n".join(self.rules)


def quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if text else ""


def regex(pattern: str) -> str:
    """A pattern as a Lark terminal, in which `.` is any character, new lines too."""
    escaped = pattern.replace("/", r"\/")
    return f"/(?s:{escaped})/"


def either(patterns: Iterable[str]) -> str:
    return f"({'|'.join(patterns)})"
