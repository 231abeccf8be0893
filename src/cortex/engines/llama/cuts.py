"""Texts that were cut into tokens before: the tools and the history of a chat come back with every turn. Pure."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

LONG: Final = 256  # bytes: a shorter text is cut as fast as it is found
MOST: Final = 2 << 20  # bytes of texts that are remembered; their tokens take about as much


class Cuts:
    """What `cut` makes of a text, as markup or not; of long texts it is remembered, those used last, `most` bytes."""

    def __init__(self, cut: Callable[[bytes, bool], list[int]], most: int = MOST) -> None:
        self._cut, self._most, self._size = cut, most, 0
        self._known: OrderedDict[tuple[bytes, bool], array[int]] = OrderedDict()

    def __call__(self, text: bytes, markup: bool) -> list[int]:
        if len(text) < LONG:
            return self._cut(text, markup)
        tokens = self._known.pop((text, markup), None)
        if tokens is None:
            tokens = array("i", self._cut(text, markup))
            self._size += len(text)
        self._known[text, markup] = tokens
        while self._size > self._most:
            (old, _), _ = self._known.popitem(last=False)
            self._size -= len(old)
        return tokens.tolist()
