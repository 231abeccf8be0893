"""What a job said or was told before is often said again: the place is found by the last few tokens. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from cortex.engines.llama.draft import Guess

KEY: Final = 2  # tokens that must have stood there before
LONGEST: Final = 24  # tokens looked back at most, to choose between places
PLACES: Final = 64  # places looked at, the latest of all

Tokens = npt.NDArray[np.int32]


class Lookup:
    """A job's own tokens, prompt and reply. A search compares whole arrays: 10 us for 8,000 tokens."""

    def __init__(self, tokens: Iterable[int]) -> None:
        self._tokens: Tokens = np.fromiter(tokens, dtype=np.int32)
        self._count = len(self._tokens)

    def said(self, tokens: list[int]) -> None:
        """These tokens follow."""
        end = self._count + len(tokens)
        if end > len(self._tokens):
            self._tokens = np.concatenate([self._tokens, np.zeros(max(end, 256), dtype=np.int32)])
        self._tokens[self._count : end] = tokens
        self._count = end

    def next(self, most: int) -> Guess:
        """What followed where the most of the last tokens stood before; the latest such place. Empty where none is."""
        here = self._tokens[: self._count]
        places = _followed(here)[-PLACES:]
        if not len(places):
            return Guess([], 0)
        matches = [_match(here, int(place)) for place in places]
        best = max(range(len(places)), key=lambda i: (matches[i], i))
        place = int(places[best])
        return Guess(here[place : place + most].tolist(), matches[best])


def _followed(here: Tokens) -> npt.NDArray[np.intp]:
    """Where the last `KEY` tokens stood before: the places right behind them, rising."""
    if len(here) <= KEY:
        return np.zeros(0, dtype=np.intp)
    ends = here[KEY - 1 : -1] == here[-1]
    for back in range(1, KEY):
        ends &= here[KEY - 1 - back : -1 - back] == here[-1 - back]
    return np.flatnonzero(ends) + KEY


def _match(here: Tokens, place: int) -> int:
    """How many tokens before this place are those before the end."""
    most = min(LONGEST, place)
    same = here[place - most : place][::-1] == here[len(here) - most :][::-1]
    return most if same.all() else int(same.argmin())
