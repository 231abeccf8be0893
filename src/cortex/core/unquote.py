"""The JSON of an object with one string in it -> that string, as it arrives. Never half an escape or character.

For custom tools: the model says `{"input": "..."}`, and the client receives the text.
"""

from __future__ import annotations

import re
from typing import Final

HEAD: Final = re.compile(r'\s*\{\s*"[^"]*"\s*:\s*"')
HIGH, LOW, CODE = r"\\u[dD][89abAB][\da-fA-F]{2}", r"\\u[dD][c-fC-F][\da-fA-F]{2}", r"\\u[\da-fA-F]{4}"
STEP: Final = re.compile(rf'[^"\\]+|{HIGH}{LOW}|{CODE}|\\[^u]')
# The beginning of an escape, or one that is half a character and may be followed by its other half.
PART: Final = re.compile(rf"(?:{HIGH})?(?:\\(?:u(?:[\da-fA-F]{{0,3}}))?)?")
ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Unquote:
    """Takes the JSON text of one call in pieces of any size."""

    def __init__(self) -> None:
        self.rest, self.inside = "", False

    def feed(self, json: str) -> str:
        """How the string goes on."""
        self.rest += json
        if not self.inside and (head := HEAD.match(self.rest)):
            self.inside, self.rest = True, self.rest[head.end() :]
        return self.text() if self.inside else ""

    def text(self) -> str:
        out, at = "", 0
        while not PART.fullmatch(self.rest, at) and (step := STEP.match(self.rest, at)):
            out, at = out + plain(step[0]), step.end()
        self.rest = self.rest[at:]
        return out


def plain(piece: str) -> str:
    """What this piece of a string in JSON stands for."""
    if not piece.startswith("\\"):
        return piece
    if piece[1] != "u":
        return ESCAPES.get(piece[1], piece[1])
    units = b"".join(int(code, 16).to_bytes(2, "big") for code in re.findall(r"u(.{4})", piece))
    return units.decode("utf-16-be", "replace")


def unquoted(json: str) -> str:
    """The string in this object, or as much of it as is there."""
    return Unquote().feed(json)
