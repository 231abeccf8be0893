"""What a model has been through, token by token: a prompt that says the same takes the same tokens. Pure.

A model does not always spell a text with the tokens that a tokenizer would choose, and the next turn of a chat brings
its reply back as text. Tokenized anew, it would differ from what the KV cache holds, and all behind it would be
computed again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cortex.engines.llama.prefix import common

ROOM: Final = 32  # sequences that are remembered

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spelled:
    """Tokens, what they spell, where each ends in it, and which special tokens end where. `ended`: its last token is
    where a reply came to its own end."""

    tokens: list[int]
    text: bytes
    ends: Places
    marks: list[tuple[int, int]]
    ended: bool


class Said:
    """`pieces` are the spellings of all tokens, `special` says which are markup: text never stands for these. `cut`
    makes tokens of a plain text that goes on behind others."""

    def __init__(
        self, pieces: Sequence[bytes], special: Iterable[bool], cut: Callable[[bytes], list[int]] = lambda text: []
    ) -> None:
        self._pieces, self._cut = pieces, cut
        self._lengths: Places = np.fromiter(map(len, pieces), dtype=np.int64)
        self._special = np.fromiter(special, dtype=np.bool_)
        self._known: deque[Spelled] = deque(maxlen=ROOM)

    def remember(self, tokens: Sequence[int], *, ended: bool = False) -> None:
        """A prompt and its reply, `ended` by itself, have gone through the model as these tokens."""
        new = self._spell(tokens, ended)
        for old in self._known:
            if new.text.startswith(old.text):
                self._known.remove(old)
                break
        self._known.append(new)

    def again(self, tokens: list[int]) -> list[int]:
        """The same text in the tokens that the model has been through, as far as it has; the others stay."""
        new = self._spell(tokens)
        places = [(self._agreed(old, new), old) for old in self._known]
        place, old = max(places, key=lambda pair: pair[0], default=(0, new))
        if not place:
            return tokens
        here = _count(new, place)
        rest = self._rest(new, place)
        return old.tokens[: _count(old, place)] + rest + tokens[here + bool(rest) :]

    def _agreed(self, old: Spelled, new: Spelled) -> int:
        """Up to which byte both say the same, mark for mark, and have a token's end there.

        Where a reply ended by itself there is an end, even where a tokenizer would join what follows to its last token.
        """
        same = common(old.text, new.text)
        marks = common(old.marks, new.marks)
        for one in (old, new):
            if marks < len(one.marks):  # before the first mark that the other does not have
                end, _token = one.marks[marks]
                same = min(same, end - 1)
        if old.ended and same == len(old.text) and self._rest(new, same):
            return same
        return _last_end(old, new, same)

    def _rest(self, new: Spelled, place: int) -> list[int]:
        """The tokens of what is left behind this place of the token that it lies in; none where it lies in none, or in
        a mark, or where the rest is no text of its own."""
        at = _count(new, place)
        if at == len(new.tokens) or place == (new.ends[at - 1] if at else 0) or self._special[new.tokens[at]]:
            return []
        text = new.text[place : new.ends[at]]
        rest = self._cut(text)
        return rest if b"".join(self._pieces[token] for token in rest) == text else []

    def _spell(self, tokens: Sequence[int], ended: bool = False) -> Spelled:
        numbers = np.array(tokens, dtype=np.int64)
        ends = np.cumsum(self._lengths[numbers])
        marks = np.flatnonzero(self._special[numbers])
        text = b"".join(map(self._pieces.__getitem__, tokens))
        return Spelled(
            list(tokens), text, ends, [*zip(ends[marks].tolist(), numbers[marks].tolist(), strict=True)], ended
        )


def _last_end(old: Spelled, new: Spelled, most: int) -> int:
    """The last place, not behind `most`, at which a token of both ends."""
    one, other = _count(old, most), _count(new, most)
    while one and other:
        mine, theirs = old.ends[one - 1], new.ends[other - 1]
        if mine == theirs:
            return int(mine)
        one, other = one - bool(mine > theirs), other - bool(theirs > mine)
    return 0


def _count(one: Spelled, place: int) -> int:
    """How many of its tokens end before this byte or at it."""
    return int(np.searchsorted(one.ends, place, side="right"))
