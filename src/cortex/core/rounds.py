"""Calls that come round and round: small models repeat one, or a few in turn, until their tokens run out.

The grammar cannot forbid it: where calls may be parallel, an equal one may be meant (two dice). So the reply is ended
where there is no doubt, and nothing that was said is taken back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from cortex.core.events import CallBegin, CallDelta, CallEnd, Event

MOST: Final = 4  # times that the same is said in a row
LONGEST: Final = 8  # calls of one round


class Rounds:
    """Passes events on until the same calls, with the same arguments, have come `MOST` times in a row; then `hit` is
    true and nothing follows. `endless` never ends a reply."""

    def __init__(self, *, endless: bool = False) -> None:
        self.hit = False
        self._endless = endless
        self._name, self._arguments = "", ""  # of the call that is being said
        self._said: list[tuple[str, str]] = []

    def feed(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            if self.hit:
                return
            match event:
                case CallBegin(_, _, name):
                    self._name, self._arguments = name, ""
                case CallDelta(_, more):
                    self._arguments += more
                case CallEnd():
                    self._said.append((self._name, _alike(self._arguments)))
                    self.hit = not self._endless and any(map(self._round, range(1, LONGEST + 1)))
                case _:
                    pass
            yield event

    def _round(self, length: int) -> bool:
        """Whether all that was said last is the same so many calls over and over."""
        return len(self._said) >= MOST * length and self._said[-MOST * length :] == self._said[-length:] * MOST


def _alike(arguments: str) -> str:
    """The same for arguments that mean the same."""
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):  # cut off, or nested deeper than can be read
        return arguments
