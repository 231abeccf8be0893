"""An incremental text source for parsers written as generators. No I/O; never raises but Mismatch, to its parser.

A step of a parser is a generator: it yields events, or NEED_TEXT when it cannot decide without more input. Its
program counter is the parser's state. Literals are matched with any white space in and around them; their own stands
for any.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator
from typing import TypeVar

from cortex.core.events import Event


class NeedText:
    """Says that a step cannot go on without more text."""


NEED_TEXT = NeedText()
T = TypeVar("T")
Steps = Generator[Event | NeedText, None, T]
Emit = Callable[[str], Event]


class Mismatch(Exception):
    """The text stopped looking like what we were reading. Never leaves the parser."""


class Cut(Mismatch):
    """The text ended while it still looked like what we were reading."""


class Scanner:
    def __init__(self) -> None:
        self.text = ""  # not yet consumed
        self.seen = ""  # consumed since the last commit; given back as text on a mismatch
        self.ended = False

    def take(self, count: int) -> str:
        taken, self.text = self.text[:count], self.text[count:]
        self.seen += taken
        return taken

    def commit(self) -> None:
        self.seen = ""

    def rewind(self) -> None:
        """Give back what was consumed since the last commit."""
        self.text, self.seen = self.seen + self.text, ""

    def more(self) -> Steps[None]:
        if self.ended:
            raise Cut
        yield NEED_TEXT

    # Literals

    def expect(self, literal: str) -> Steps[None]:
        """Consume a literal."""
        if literal.strip() and (yield from self.maybe(literal)) is None:
            raise Mismatch if self.text.strip() else Cut

    def maybe(self, *literals: str) -> Steps[str | None]:
        """Consume the first of these literals that comes next; return it. Empty ones never come."""
        found, length = yield from self.match(*literals)
        self.take(length)
        return found

    def peek(self, *literals: str) -> Steps[str | None]:
        """The first of these literals that comes next, without consuming it."""
        return (yield from self.match(*literals))[0]

    def match(self, *literals: str) -> Steps[tuple[str | None, int]]:
        """The first of these literals that comes next, and how much text it takes."""
        cut = False
        for literal in filter(str.strip, literals):
            length = yield from self.length("".join(literal.split()))
            if length:
                return literal, length
            cut = cut or length is None
        if cut:
            raise Cut
        return None, 0

    def length(self, want: str) -> Steps[int | None]:
        """How much text this literal takes if it comes next; else 0, or None if the text ends within it."""
        while True:
            have = 0  # characters of `want` matched so far
            for at, char in enumerate(self.text, 1):
                if char == want[have]:
                    have += 1
                    if have == len(want):
                        return at
                elif not char.isspace():
                    return 0
            if self.ended:
                return None if have else 0
            yield NEED_TEXT

    def optional(self, char: str) -> Steps[None]:
        """Consume this character if it comes next, exactly."""
        while not self.text and not self.ended:
            yield NEED_TEXT
        self.take(self.text.startswith(char))

    # Text up to something

    def word(self, known: Collection[str]) -> Steps[str]:
        """Consume and return a known word; the longest one where several fit."""
        yield from self.space()
        while True:
            longer = [word for word in known if len(word) > len(self.text) and word.startswith(self.text)]
            if not longer:
                break
            yield from self.more()
        found = max((word for word in known if self.text.startswith(word)), key=len, default="")
        if not found:
            raise Mismatch
        return self.take(len(found))

    def matching(self, pattern: re.Pattern[str]) -> Steps[str]:
        """Consume and return the longest beginning that matches; more text must be able to end it."""
        while (found := pattern.match(self.text)) and found.end() == len(self.text) and not self.ended:
            yield NEED_TEXT
        if not found or not found[0]:
            raise Mismatch if self.text else Cut
        return self.take(found.end())

    def before(self, *ends: str) -> Steps[str]:
        """Consume and return the text before the first of these literals, which are exact here."""
        while not (found := [at for end in ends if (at := self.text.find(end)) >= 0]):
            yield from self.more()
        return self.take(min(found))

    def copy(self, emit: Emit, *ends: str) -> Steps[None]:
        """Pass text on as it arrives, up to the first of these literals, which is exact here and consumed."""
        while True:
            found = min(((at, end) for end in ends if (at := self.text.find(end)) >= 0), default=None)
            ready = found[0] if found else len(self.text) - max(overlap(self.text, end) for end in ends)
            if ready:
                yield emit(self.take(ready))
            if found:
                self.take(len(found[1]))
                return
            yield from self.more()

    def space(self) -> Steps[str]:
        """Consume white space up to the next other character, which has to come; return that."""
        while not (rest := self.text.lstrip()):
            yield from self.more()
        self.take(len(self.text) - len(rest))
        return rest[0]

    # JSON

    def json(self, emit: Emit) -> Steps[None]:
        """Stream the JSON object or array that begins here, as it arrives."""
        depth, quoted, escaped = 0, False, False
        while True:
            for at, char in enumerate(self.text, 1):
                if quoted:
                    quoted, escaped = char != '"' or escaped, char == "\\" and not escaped
                elif char == '"':
                    quoted = True
                elif char in "{[":
                    depth += 1
                elif char in "}]":
                    depth -= 1
                if depth == 0 and not quoted:
                    yield emit(self.take(at))
                    return
            if self.text:
                yield emit(self.take(len(self.text)))
            yield from self.more()


def overlap(text: str, marker: str) -> int:
    """Length of the longest end of `text` that begins `marker`."""
    return next((n for n in range(min(len(text), len(marker) - 1), 0, -1) if text.endswith(marker[:n])), 0)
