"""Stop strings: end the visible text before the first of them. Never looks into calls or thoughts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cortex.core.events import CallBegin, Event, Text
from cortex.core.scan import overlap


class Stop:
    """Passes events on until a stop string has come in the text; then `hit` is true and nothing follows.

    What may yet become a stop string is held back until it is decided.
    """

    def __init__(self, strings: Sequence[str]) -> None:
        self.strings = tuple(filter(None, strings))
        self.held, self.hit = "", False

    def feed(self, events: Iterable[Event]) -> Iterator[Event]:
        if not self.strings:
            yield from events
            return
        for event in events:
            match event:
                case _ if self.hit:
                    return
                case Text(text):
                    yield from self.text(text)
                case CallBegin():
                    yield from self.flush()
                    yield event
                case _:
                    yield event

    def text(self, text: str) -> Iterator[Event]:
        self.held += text
        found = [at for string in self.strings if (at := self.held.find(string)) >= 0]
        self.hit = bool(found)
        wait = max(overlap(self.held, string) for string in self.strings)
        ready = min(found) if found else len(self.held) - wait
        out, self.held = self.held[:ready], "" if found else self.held[ready:]
        if out:
            yield Text(out)

    def flush(self) -> Iterator[Event]:
        """What is held back, once it is certain that no more text follows it."""
        if self.held:
            yield Text(self.held)
        self.held = ""
