"""Finds where free text ends: at a mark, or at the lead of a loose call. Says how much of the text has to wait."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from cortex.core.drawing import strokes, words
from cortex.core.loose import SPACE

Place = Literal["any", "line", "start"]
TOKEN = re.compile(r"<([|｜]([^<>]+[|｜]>|\w{4})|/\w\w)")  # how special tokens and ends begin, which no text does


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to find: `what` is the finder's owner's.

    `atoms` are regular expressions, of one character or any white space each. `where` a mark counts: anywhere, at the
    beginning of a line, or where a part of the reply begins.
    """

    what: Any
    atoms: Sequence[str]
    where: Place = "any"

    @property
    def pattern(self) -> str:
        return "".join(self.atoms)

    @property
    def partial(self) -> str:
        """A regular expression for every beginning of the mark, of one character at least."""
        nested = ""
        for atom in reversed(self.atoms[1:]):
            nested = f"(?:{atom}{nested})?"
        return self.atoms[0] + nested


def literal(text: str) -> list[str]:
    """The atoms of a literal; white space in it may be any, or none."""
    atoms: list[str] = []
    for word in words(text):
        atoms += [*([SPACE] if atoms else []), *map(re.escape, word)]
    return atoms


def drawn(drawing: str) -> list[str]:
    """The atoms of a drawing without holes. What may read otherwise ends before the next literal's first character, or
    with the line."""
    atoms: list[str] = []
    for stroke, after in pairwise((*strokes(drawing), "")):
        if isinstance(stroke, str):
            atoms += [*([SPACE] if atoms and stroke[0].isspace() else []), *literal(stroke)]
        else:
            atoms.append(rf"[^\n{re.escape(str(after)[:1])}]*")
    return atoms


@dataclass(frozen=True, slots=True)
class Found:
    """`what` was found between `start` and `end`."""

    what: Any
    start: int
    end: int


class Finder:
    """Looks for marks. Of those that begin at the same place, the earlier in the list is found."""

    def __init__(self, marks: Sequence[Mark]) -> None:
        self.marks = [mark for mark in marks if mark.atoms]
        self._full = {fresh: self._compile(fresh, partial=False) for fresh in (True, False)}
        self._partial = {fresh: self._compile(fresh, partial=True) for fresh in (True, False)}
        self._earlier: dict[tuple[bool, int], re.Pattern[str]] = {}

    def _compile(self, fresh: bool, *, partial: bool, until: int | None = None) -> re.Pattern[str]:
        # Possessive repeats, and no new line in the first: much white space takes linear time.
        start, line = rf"\A{SPACE}+", r"\n[ \t\r]*+"
        places = {"any": "", "line": f"(?:{start}|{line})" if fresh else line, "start": start if fresh else "(?!)"}
        each = []
        for number, mark in enumerate(self.marks[:until]):
            pattern = (mark.partial if partial else mark.pattern).replace(SPACE, f"{SPACE}+")
            each.append(f"(?P<m{number}>{places[mark.where]}(?:{pattern}){chr(92) + 'Z' if partial else ''})")
        return re.compile("|".join(each) or "(?!)")

    def search(self, text: str, *, fresh: bool, ended: bool = True) -> Found | None:
        """The first mark. `fresh`: the text begins a reply, or follows a mark. Where the text has not `ended`, a mark
        does not count while an earlier one in the list may yet begin there."""
        found = self._full[fresh].search(text)
        if not found:
            return None
        number = int(str(found.lastgroup)[1:])
        if not ended and (other := self._before(number, fresh).search(text)) and other.start() <= found.start():
            return None
        return Found(self.marks[number].what, found.start(), found.end())

    def _before(self, number: int, fresh: bool) -> re.Pattern[str]:
        if (fresh, number) not in self._earlier:
            self._earlier[fresh, number] = self._compile(fresh, partial=True, until=number)
        return self._earlier[fresh, number]

    def match(self, text: str, *, fresh: bool) -> Found | None:
        """The first mark, if it begins the text."""
        found = self.search(text, fresh=fresh)
        return found if found and not text[: found.start].strip() else None

    def begins(self, text: str, *, fresh: bool) -> bool:
        """Whether the whole text may yet become a mark."""
        return self.waiting(text, fresh=fresh) >= len(text.lstrip())

    def waiting(self, text: str, *, fresh: bool) -> int:
        """Length of the end of the text that may yet become something to find."""
        found = self._partial[fresh].search(text)
        return len(text) - found.start() if found else 0

    def broken(self, text: str, *, fresh: bool) -> int:
        """Length of the end of the text that is a mark of special tokens, cut off: no text."""
        wait = self.waiting(text, fresh=fresh)
        return wait if TOKEN.match(text[len(text) - wait :].lstrip()) else 0
