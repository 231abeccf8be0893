"""A text that a reply may repeat in parts: which of its tokens may come next. Pure; verifies nothing itself.

Where the reply has left the text, nothing is guessed until it is found again by the last tokens that were said: the
next place that has them, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

KEY: Final = 2  # tokens by which a place is found again; one more after each try that gave nothing
TRUSTED: Final = 6  # a prediction is what the client expects: its beginning counts as so many tokens that came true

Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Guess:
    """Tokens that may come next, and how many before them came as they had before. Each that is right makes the next as
    likely as `step` more would."""

    tokens: list[int]
    match: int
    step: int = 1


@dataclass(slots=True)
class Draft:
    """`place` is where the reply is in the text, None where it has left it; `known` is as far as it surely came."""

    text: list[int]
    place: int | None = 0
    known: int = 0
    match: int = TRUSTED
    misses: int = 0
    _recent: list[int] = field(default_factory=list)
    _places: dict[Key, list[int]] = field(default_factory=dict)

    def next(self, most: int) -> Guess:
        """The tokens that may come next, at most so many."""
        return Guess([] if self.place is None else self.text[self.place : self.place + most], self.match)

    def learn(self, right: int) -> None:
        """Of what was guessed so many tokens were said."""
        self.misses = 0 if right else self.misses + 1

    def said(self, tokens: Sequence[int]) -> None:
        """These tokens were said, guessed before or not."""
        for token in tokens:
            self._recent.append(token)
            if self.place is not None and self.text[self.place : self.place + 1] == [token]:
                self.place += 1
                self.match += 1
                self.known = self.place
            else:
                self.place, self.match = self._found(), KEY + self.misses

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
