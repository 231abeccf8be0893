"""JSON out of what models write as lists and objects: JSON, or Python's literals. Never looks at a schema.

JSON passes unchanged. Python's quotes, words, tuples and commas become JSON's; brackets that were left open are closed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from cortex.core.scan import Emit, Scanner, Steps

WORDS = {"True": "true", "False": "false", "None": "null"}
CLOSING = {"{": "}", "[": "]", "(": "]"}
BRACKETS = {"(": "[", ")": "]"}
KEPT = '"\\/bfnrtu'  # what may follow a backslash in JSON
BEGINS = re.compile(r"""\s*(\{\s*["'}]|[\[(]\s*(["'\])\d\-tfnTFN\[(]|\{\s*["'}]))""")  # an object or list, surely
MAY_BEGIN = re.compile(r"\s*([\[({]\s*(\{\s*)?)?")


@dataclass(slots=True)
class Transcript:
    """Turns one list or object into JSON, character by character."""

    open: list[str] = field(default_factory=list)  # what closes the brackets that are open
    quote: str = ""
    escaped: bool = False
    word: str = ""
    comma: str = ""  # one that has not been passed on, and the space after it: the last one of a list is no JSON
    done: bool = False

    def run(self, text: str, core: str) -> tuple[int, str]:
        """How much of this text the list or object takes, and the JSON that this adds. `core` closes the value."""
        out: list[str] = []
        for at, char in enumerate(text):
            if char == "<" and core.startswith(char) and not self.quote:  # no part of a literal: it ended too early
                return at, "".join([*out, self.end()])
            out.append(self.feed(char))
            if self.done:
                return at + 1, "".join(out)
        return len(text), "".join(out)

    def feed(self, char: str) -> str:
        """The JSON that this character adds."""
        if self.quote:
            return self.within(char)
        if char.isalnum() or char == "_":
            self.word += char
            return ""
        return self.rest() + self.between(char)

    def rest(self) -> str:
        """A word that has been held back."""
        word, self.word = WORDS.get(self.word, self.word), ""
        return self.separated() + word if word else ""

    def separated(self) -> str:
        comma, self.comma = self.comma, ""
        return comma

    def between(self, char: str) -> str:
        if char in CLOSING.values() or char == ")":
            return self.closed(char)
        if char == "," or (self.comma and char.isspace()):
            self.comma += char
            return ""
        before = self.separated()
        if char in CLOSING:
            self.open.append(CLOSING[char])
        elif char in "'\"":
            self.quote, char = char, '"'
        return before + BRACKETS.get(char, char)

    def closed(self, char: str) -> str:
        space, self.comma = self.comma[1:], ""
        self.open.pop()
        self.done = not self.open
        return space + BRACKETS.get(char, char)

    def within(self, char: str) -> str:
        """A character of a string."""
        if self.escaped:
            self.escaped = False
            return "\\" + char if char in KEPT else "'" if char == "'" else json.dumps("\\" + char)[1:-1]
        if char == "\\":
            self.escaped = True
            return ""
        if char == self.quote:
            self.quote = ""
            return '"'
        return json.dumps(char, ensure_ascii=False)[1:-1]

    def end(self) -> str:
        """What closes it, where it ends too early."""
        text = self.rest() + "".join(reversed(self.open))
        self.open, self.done = [], True
        return text


def begins(scan: Scanner) -> Steps[bool]:
    """Whether a list or object surely begins here."""
    while MAY_BEGIN.fullmatch(scan.text):
        yield from scan.more()
    return BEGINS.match(scan.text) is not None


def stream(scan: Scanner, emit: Emit, core: str) -> Steps[None]:
    """Pass on the list or object that begins here as it arrives. `core` is what closes the value."""
    yield from scan.space()
    state = Transcript()
    while not state.done:
        while not scan.text:
            yield from scan.more()
        taken, text = state.run(scan.text, core)
        scan.take(taken)
        if text:
            yield emit(text)


def as_json(text: str) -> str:
    """A list or object as JSON; what is none, or more than one, as it is."""
    state = Transcript()
    if BEGINS.match(text) is None:
        return text
    taken, out = state.run(text, "")
    return out if state.done and taken == len(text) else text
