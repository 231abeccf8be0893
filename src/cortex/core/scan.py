"""An incremental text source for parsers written as generators. No I/O; never raises but Mismatch, to its parser.

A step of a parser is a generator: it yields events, or NEED_TEXT when it cannot decide without more input. Its
program counter is the parser's state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from typing import TypeVar

from cortex.core.events import Event


class NeedText:
    """Says that a step cannot go on without more text."""


NEED_TEXT = NeedText()
T = TypeVar("T")
Steps = Generator[Event | NeedText, None, T]


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

    def more(self) -> Steps[None]:
        if self.ended:
            raise Cut
        yield NEED_TEXT

    def expect(self, literal: str) -> Steps[None]:
        """Consume a literal; white space may stand anywhere in it, and its own stands for any."""
        if (yield from self.maybe(literal)) is None:
            raise Mismatch if self.text.strip() else Cut

    def maybe(self, *literals: str) -> Steps[str | None]:
        """Consume the first of these literals that comes next; return it."""
        cut = False
        for literal in literals:
            match (yield from self._maybe("".join(literal.split()))):
                case True:
                    return literal
                case None:
                    cut = True
        if cut:
            raise Cut
        return None

    def _maybe(self, want: str) -> Steps[bool | None]:
        """Whether the literal comes next; None if the text ends within it."""
        while True:
            have = 0  # characters of `want` matched so far
            for at, char in enumerate(self.text, 1):
                if have == len(want):
                    break
                if char == want[have]:
                    have += 1
                    if have == len(want):
                        self.take(at)
                elif not char.isspace():
                    return False
            if have == len(want):
                return True
            if self.ended:
                return None if have else False
            yield NEED_TEXT

    def word(self, known: Collection[str]) -> Steps[str]:
        """Consume and return a known word; the longest one where several fit."""
        while True:
            longer = [word for word in known if len(word) > len(self.text) and word.startswith(self.text)]
            if not longer:
                break
            yield from self.more()
        found = max((word for word in known if self.text.startswith(word)), key=len, default="")
        if not found:
            raise Mismatch
        return self.take(len(found))

    def ahead(self, char: str) -> Steps[None]:
        """Make sure that this character comes next, after white space, which is consumed."""
        while not (rest := self.text.lstrip()):
            yield from self.more()
        if rest[0] != char:
            raise Mismatch
        self.take(len(self.text) - len(rest))

    def json(self, emit: Callable[[str], Event]) -> Steps[None]:
        """Stream the JSON object that begins here, as it arrives."""
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
                if depth == 0:
                    yield emit(self.take(at))
                    return
            if self.text:
                yield emit(self.take(len(self.text)))
            yield from self.more()
