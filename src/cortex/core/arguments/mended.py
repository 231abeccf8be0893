"""JSON arguments whose texts the schema takes for something else, `{"days": "2"}`, as what it takes them for. Only for
text that no grammar held: under one this cannot come. Never looks deeper than the arguments themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from cortex.core.arguments.texts import typed
from cortex.core.chat import Schema
from cortex.core.members import may_be_text, members


@dataclass(slots=True)
class Mended:
    """Passes an object on as it comes, but for texts of members that may be none: these when they are whole."""

    schema: Schema
    depth: int = 0
    text: str = ""  # the string that is open, from its quote on
    key: str | None = None  # of the member whose value comes
    escaped: bool = False
    known: Mapping[str, Schema] = field(init=False)

    def __post_init__(self) -> None:
        self.known = members(self.schema).properties

    def feed(self, chunk: str) -> str:
        return "".join(map(self.char, chunk))

    def char(self, char: str) -> str:
        if self.text:
            return self.within(char)
        self.depth += (char in "{[") - (char in "}]")
        if char == "," and self.depth == 1:
            self.key = None
        if char == '"':
            self.text = char
            return "" if self.mends else char
        return char

    @property
    def mends(self) -> bool:
        """Whether the string that is open is a value that may be no string."""
        if self.depth != 1 or self.key is None or self.key not in self.known:
            return False
        return not may_be_text(self.known[self.key])

    def within(self, char: str) -> str:
        self.text += char
        if char != '"' or self.escaped:
            self.escaped = char == "\\" and not self.escaped
            return "" if self.mends else char
        mends, text, self.text = self.mends, self.text, ""
        if self.key is None:
            self.key = said(text)
        return typed(said(text), self.known[self.key]) if mends else '"'


def said(text: str) -> str:
    """What stands in these quotes; as it is where that is no JSON."""
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text[1:-1]
