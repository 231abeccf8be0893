"""How a model's template wants to see the ids of calls. Never random: the same history gives the same ids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from string import ascii_letters, digits
from typing import Final

LETTERS: Final = digits + ascii_letters
HOLES: Final = {"name": "[a-zA-Z0-9_.-]+", "index": "[0-9]+"}


@dataclass(frozen=True, slots=True)
class Ids:
    """What an id looks like: as it came, or `length` letters and digits, or `pattern`.

    In `pattern`, «name» stands for the function and «index» for the number of the call, counted from 0 over the whole
    conversation: `functions.«name»:«index»`.
    """

    pattern: str = ""
    length: int = 0

    @property
    def regex(self) -> str:
        """What the model may write for an id."""
        if self.length:
            return f"[a-zA-Z0-9]{{{self.length}}}"
        if self.pattern:
            return "".join(HOLES[part] if hole else re.escape(part) for hole, part in cut(self.pattern))
        return "[a-zA-Z0-9_-]{1,64}"

    @property
    def hole(self) -> str:
        """What the model may write for «id», in a notation that writes the rest of the pattern itself."""
        if self.pattern:
            return "[0-9]{1,6}"
        return f"[A-Za-z0-9]{{{self.length}}}" if self.length else "[A-Za-z0-9]{1,40}"

    def spelled(self, calls: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """What stands in the hole «id» of each of these calls, which are all of a conversation."""
        return tuple(str(index) for index in range(len(calls))) if self.pattern else self.shown(calls)

    def shown(self, calls: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """What is shown for each call: `calls` are the ids and names of all calls of a conversation, in order."""
        if self.pattern:
            return tuple(self.filled(name, index) for index, (_, name) in enumerate(calls))
        ids = [id for id, _ in calls]
        return tuple(distinct(ids, self.length)) if self.length else tuple(ids)

    def stray(self, id: str) -> str:
        """What is shown for an id that a result names and no call has."""
        return short(id, self.length) if self.length else id

    def inner(self, id: str) -> str:
        """What stands in the hole «id» for an id as it is shown."""
        read = self.read(id)
        return id if read is None else str(read[1])

    def filled(self, name: str, index: int) -> str:
        values = {"name": name, "index": str(index)}
        return "".join(values[part] if hole else part for hole, part in cut(self.pattern))

    def read(self, text: str) -> tuple[str, int] | None:
        """The name ("" where the pattern shows none) and the index (-1) of an id that the model wrote."""
        parts = (f"(?P<{part}>{HOLES[part]})" if hole else re.escape(part) for hole, part in cut(self.pattern))
        found = re.fullmatch("".join(parts), text) if self.pattern else None
        return None if found is None else (found.groupdict().get("name", ""), int(found.groupdict().get("index", -1)))


def cut(pattern: str) -> list[tuple[bool, str]]:
    """The pattern in pieces, each with whether it is a hole."""
    return [(at % 2 == 1, part) for at, part in enumerate(re.split("«(name|index)»", pattern))]


def distinct(ids: Sequence[str], length: int) -> list[str]:
    taken: dict[str, str] = {}  # what is shown -> the id that it is shown for
    out = []
    for at, id in enumerate(ids):
        mine = short(id, length)
        if mine in taken:  # two ids that end alike, or one id used twice
            mine = hashed(f"{id} {at}", length)
        taken[mine] = id
        out.append(mine)
    return out


def short(id: str, length: int) -> str:
    """The id's last letters and digits, or where it has too few, letters and digits made of it."""
    plain = re.sub("[^a-zA-Z0-9]", "", id)
    return plain[-length:] if len(plain) >= length else hashed(id, length)


def hashed(text: str, length: int) -> str:
    number = int.from_bytes(sha256(text.encode(errors="surrogatepass")).digest())
    return "".join(LETTERS[number // 62**place % 62] for place in range(length))


AS_IT_IS: Final = Ids()
NINE: Final = Ids(length=9)  # Mistral
