"""A text that a reply may repeat in parts: which of its tokens to try next. Pure; verifies nothing itself.

Trying costs little where many tokens are decoded nearly as fast as one, and nothing is tried where the reply has left
the text. It is found again by the last tokens that were said: the next place that has them, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

FIRST: Final = 8  # tokens tried at once, at first; twice as many each time that all of them were right
LEAST: Final = 2
MOST: Final = 32
KEY: Final = 2  # tokens by which a place is found again; one more after each try that gave nothing

Key = tuple[int, ...]


@dataclass(slots=True)
class Draft:
    """`place` is where the reply is in the text, None where it has left it; `known` is as far as it surely came."""

    text: list[int]
    place: int | None = 0
    known: int = 0
    length: int = FIRST
    misses: int = 0
    _recent: list[int] = field(default_factory=list)
    _places: dict[Key, list[int]] = field(default_factory=dict)

    def next(self, most: int) -> list[int]:
        """The tokens to try, at most so many."""
        return [] if self.place is None else self.text[self.place : self.place + min(self.length, most)]

    def learn(self, tried: int, right: int) -> None:
        """So many were tried, and so many of them were said."""
        self.length = min(2 * self.length, MOST) if right == tried else max(self.length // 2, LEAST)
        self.misses = 0 if right else self.misses + 1

    def said(self, tokens: Sequence[int]) -> None:
        """These tokens were said, tried before or not."""
        for token in tokens:
            self._recent.append(token)
            if self.place is not None and self.text[self.place : self.place + 1] == [token]:
                self.place += 1
                self.known = self.place
            else:
                self.place = self._found()

    def _found(self) -> int | None:
        """The next place after the last tokens said, or the first of all where there is none further on."""
        places = [place for place in self._index().get(tuple(self._recent[-KEY:]), ()) if self._fits(place)]
        return next((place for place in places if place > self.known), places[0] if places else None)

    def _fits(self, place: int) -> bool:
        wanted = KEY + self.misses
        return self.text[max(0, place - wanted) : place] == self._recent[-wanted:]

    def _index(self) -> dict[Key, list[int]]:
        """Where each few tokens end: made when the reply leaves the text, which it need not do."""
        if not self._places:
            places = defaultdict(list)
            for place in range(KEY, len(self.text)):
                places[tuple(self.text[place - KEY : place])].append(place)
            self._places = dict(places)
        return self._places
