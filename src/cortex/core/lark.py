"""A writer of Lark grammars that knows which texts are single tokens. Never any policy.

A special token is not its spelling: a grammar that asks for the *text* "<tool_call>" forbids the *token* <tool_call>.
Every literal goes through here. The dialect of Lark is llguidance's (its docs/syntax.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

# The model's usual spacing is the only one: more tokens are forced, and no model loops on white space.
SPACING = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
LINES = {"whitespace_pattern": r"[ \n]{0,40}"}  # for families that write JSON over several lines

T = TypeVar("T")

ANY = "(?s:.*)"
ENCODE = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes one anew each time, which takes longer


class Lark:
    """Collects rules; `str()` is the grammar."""

    def __init__(self, specials: Mapping[str, int]) -> None:
        self.specials = specials
        self.rules = ["%llguidance {}"]
        self._names: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._kept: dict[tuple[tuple[int, ...], Hashable], tuple[Any, Any]] = {}
        self._split = re.compile("|".join(map(re.escape, sorted(specials, key=len, reverse=True))) or r"(?!)")

    def rule(self, body: str, name: str = "", flags: str = "") -> str:
        """Add a rule; return its name. The same body twice, without a name of its own, is one rule."""
        if not name and (known := self._names.get(flags + body)):
            return known
        name = name or f"r{len(self.rules)}"
        self.rules.append(f"{name}{flags}: {body}")
        self._names.setdefault(flags + body, name)
        return name

    def optional(self, body: str) -> str:
        """The rule of what may be missing. A rule with a question mark is a new one for the engine each time."""
        return self.rule(f'{body} | ""')

    def text(self, text: str) -> str:
        """Exactly this text, special tokens as tokens."""
        if text not in self._texts:
            self._texts[text] = self._text(text)
        return self._texts[text]

    def _text(self, text: str) -> str:
        if not self._split.search(text):  # the same as below, for most
            return quote(text)
        out, at = [], 0
        for special in self._split.finditer(text):
            out += [quote(text[at : special.start()]), f"<[{self.specials[special[0]]}]>"]
            at = special.end()
        return " ".join(filter(None, [*out, quote(text[at:])]))

    def is_token(self, text: str) -> bool:
        """Whether this text begins with a special token."""
        return bool(text) and self._split.match(text) is not None

    def until(self, text: str, pattern: str = ANY, *barred: str) -> str:
        """What matches the pattern and none of the barred, up to and including the first occurrence of this text."""
        return self.ending(text, [[pattern]], *barred)

    def ending(self, text: str, ways: Sequence[Sequence[str]], *barred: str) -> str:
        """The same for several patterns: `ways` are alternatives, each patterns that all have to match."""
        special = self._split.search(text)
        head = escape(text[: special.start()] if special else text)
        if not special and any(way != [ANY] for way in ways):  # nothing may reach past the text's first occurrence
            barred = (*barred, f"(?s:.*){head}(?s:.+)")
        each = [" & ".join(slashed(f"({pattern}){head}") for pattern in way) for way in ways]
        whole = each[0] if len(each) == 1 else f"({' | '.join(each)})"
        found = self.terminal(f"{whole} & ~{slashed(either(barred))}" if barred else whole)
        if special:  # a token cannot occur inside text, so greed does no harm
            return f"{found} {self.text(text[special.start() :])}"
        return self.rule(found, flags="[lazy]")

    def terminal(self, body: str) -> str:
        """Add a terminal; return its name. The same body twice is one terminal."""
        return self._names.get(body) or self.rule(body, f"T{len(self.rules)}")

    def once(self, key: str, make: Callable[[], str]) -> str:
        """The rule that this key stands for, made at first sight; it may refer to itself."""
        if key not in self._names:
            self._names[key] = name = f"n{len(self._names)}"
            self.rule(make(), name)
        return self._names[key]

    def json(self, schema: Mapping[str, Any], *, lenient: bool, lines: bool = False) -> str:
        """A value that follows this JSON Schema. Lenient: keywords that cannot be enforced are passed over. `lines`: it
        may be written over several."""
        return self.keep((schema,), (lenient, lines), lambda: self._json(schema, lenient, lines))

    def _json(self, schema: Mapping[str, Any], lenient: bool, lines: bool) -> str:
        spacing = LINES if lines else SPACING
        return self.rule(f"%json {ENCODE({**schema, 'x-guidance': {**spacing, 'lenient': lenient}})}")

    def keep(self, of: tuple[object, ...], key: Hashable, make: Callable[[], T]) -> T:
        """What was made of these very objects before, as the key says; else it is made now. The objects are kept, too,
        or their identities could be those of others later."""
        place = tuple(map(id, of)), key
        if place not in self._kept:
            self._kept[place] = of, make()
        found: T = self._kept[place][1]
        return found

    def __str__(self) -> str:
        return "\n".join(self.rules)


def escape(text: str) -> str:
    """The text as a regular expression that stays on one line."""
    return re.escape(text).replace("\\\n", r"\n").replace("\\\r", r"\r").replace("\\\t", r"\t")


def quote(text: str) -> str:
    return ENCODE(text) if text else ""


def regex(pattern: str) -> str:
    """A pattern as a Lark terminal, in which `.` is any character, new lines too."""
    return slashed(f"(?s:{pattern})")


def slashed(pattern: str) -> str:
    return f"/{pattern.replace('/', chr(92) + '/')}/"


def either(patterns: Iterable[str]) -> str:
    return f"({'|'.join(patterns)})"


def without(pattern: str, *others: str) -> str:
    """What matches the pattern and none of the others."""
    return f"{slashed(pattern)} & ~{slashed(either(others))}" if others else slashed(pattern)
