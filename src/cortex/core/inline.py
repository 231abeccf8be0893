"""Thoughts as a part of the text, in the marks of the model's family: for clients that read them there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from cortex.core.events import CallBegin, Done, Event, Reasoning, Text


class Inline:
    """Passes events on. `marks` stand around a thought; with "both" it comes apart, too."""

    def __init__(self, marks: tuple[str, str], thoughts: Literal["apart", "inside", "both"]) -> None:
        self.marks, self.thoughts, self.open = marks, thoughts, False

    def feed(self, events: Iterable[Event]) -> Iterator[Event]:
        if self.thoughts == "apart":
            yield from events
            return
        for event in events:
            yield from self.told(event)

    def told(self, event: Event) -> Iterator[Event]:
        match event:
            case Reasoning(text):
                if self.thoughts == "both":
                    yield event
                yield Text(text if self.open else f"{self.marks[0]}\n{text}")
                self.open = True
                return
            case Text() if self.open:
                yield Text(f"\n{self.marks[1]}\n\n")
                self.open = False
            case CallBegin() | Done("stop") if self.open:
                yield Text(f"\n{self.marks[1]}")
                self.open = False
        yield event
