"""What a model has been through, token by token: a prompt that says the same takes the same tokens. Pure.

A model does not always spell a text with the tokens that a tokenizer would choose, and the next turn of a chat brings
its reply back as text. Tokenized anew, it would differ from what the KV cache holds, and all behind it would be
computed again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cortex.engines.llama.prefix import common

ROOM: Final = 32  # sequences that are remembered

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spelled:
    """Tokens, what they spell, where each ends in it, and which special tokens end where."""

    tokens: list[int]
    text: bytes
    ends: Places
    marks: list[tuple[int, int]]


class Said:
    """`pieces` are the spellings of all tokens, `special` says which are markup: text never stands for these."""

    def __init__(self, pieces: Sequence[bytes], special: Iterable[bool]) -> None:
        self._pieces = pieces
        self._special = frozenset(token for token, mark in enumerate(special) if mark)
        self._known: deque[Spelled] = deque(maxlen=ROOM)

    def remember(self, tokens: Sequence[int]) -> None:
        """A prompt and its reply have gone through the model as these tokens."""
        new = self._spell(tokens)
        for old in self._known:
            if new.text.startswith(old.text):
                self._known.remove(old)
                break
        self._known.append(new)

    def again(self, tokens: list[int]) -> list[int]:
        """The same text in the tokens that the model has been through, as far as it has; the others stay."""
        new = self._spell(tokens)
        places = [(_agreed(old, new), old) for old in self._known]
        place, old = max(places, key=lambda pair: pair[0], default=(0, new))
        if not place:
            return tokens
        return old.tokens[: _count(old, place)] + tokens[_count(new, place) :]

    def _spell(self, tokens: Sequence[int]) -> Spelled:
        pieces = [self._pieces[token] for token in tokens]
        ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
        marks = [(int(ends[at]), token) for at, token in enumerate(tokens) if token in self._special]
        return Spelled(list(tokens), b"".join(pieces), ends, marks)


def _agreed(old: Spelled, new: Spelled) -> int:
    """Up to which byte both say the same, mark for mark, and have a token's end there."""
    same = common(old.text, new.text)
    marks = common(old.marks, new.marks)
    for one in (old, new):
        if marks < len(one.marks):  # before the first mark that the other does not have
            end, _token = one.marks[marks]
            same = min(same, end - 1)
    both = np.intersect1d(old.ends, new.ends)
    return int(both[both <= same].max(initial=0))


def _count(one: Spelled, place: int) -> int:
    """How many of its tokens end before this byte or at it."""
    return int(np.searchsorted(one.ends, place, side="right"))
