"""What was made of texts, for the next time that the same text comes. Bounded; never a copy: all get the same value."""

from __future__ import annotations

from typing import TypeVar

V = TypeVar("V")


class Kept(dict[str, V]):
    """Values by text. Where there are more than `room`, all are forgotten: those in use are soon there again."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def keep(self, text: str, value: V) -> V:
        if len(self) >= self.room:
            self.clear()
        self[text] = value
        return value
