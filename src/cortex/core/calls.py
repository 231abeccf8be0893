"""The grammar of calls and of the thoughts around them, in any notation. Never any format of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cortex.core.arguments.json import Json
from cortex.core.chat import Schema, Tool
from cortex.core.defined.clash import Untold
from cortex.core.dialect import Dialect, Notation
from cortex.core.drawing import Any, Hole, flexible
from cortex.core.errors import BadRequest
from cortex.core.lark import Lark, either, quote, regex
from cortex.core.loose import SPACE
from cortex.core.rules import Rules
from cortex.core.schema import arguments
from cortex.core.shapes import shaped

PIECES = re.compile(r'("[^"]*"|[{}\[\]])')  # of JSON, as its grammar reads them
GAP = r"[ \t\r\n]{0,8}"  # white space inside calls is bounded: no model loops on it
NUMBER = "[1-9][0-9]{0,2}"
NAME = "\0"  # stands for the name of a tool


@dataclass(frozen=True)
class Calls:
    """The rules of calls, in any notation, and of the thoughts between them."""

    out: Lark
    dialect: Dialect
    rules: Rules

    @cached_property
    def gap(self) -> str:
        return self.out.rule(regex(GAP), "GAP")

    @cached_property
    def schemas(self) -> Mapping[str, Schema]:
        return {tool.name: arguments(tool) for tool in self.rules.tools}

    @cached_property
    def values(self) -> Mapping[str, str]:
        """The rule of each tool's arguments as JSON."""
        return {
            tool.name: shaped(self.out, self.schemas[tool.name], lenient=not tool.strict) for tool in self.rules.tools
        }

    @cached_property
    def names(self) -> str:
        """A pattern for the name of a tool that may be called."""
        return either(re.escape(tool.name) for tool in self.rules.tools)

    def follows(self, notation: Notation) -> str:
        """A pattern for what follows the lead of this notation in a call to a known tool."""
        after = flexible(notation.after(notation.name_at))
        return f"{self.names}{SPACE}{after or chr(92) + '{'}"

    # Thoughts

    def thoughts(self) -> str:
        """Those that come before all else."""
        match self.rules.thought:
            case "no":
                return ""
            case "may":
                return self.thought("?")
            case "open":
                rest = " | ".join(self.out.until(span.close) for span in self.dialect.thought)
                return f"( {rest} ) {self.gap} {self.joint(self.thought('?'))}"

    def thought(self, often: str) -> str:
        """A thought, and the gap after it; in replies of several messages, any number of them."""
        each = " | ".join(f"{self.out.text(span.open)} {self.out.until(span.close)}" for span in self.dialect.thought)
        joint = self.out.text(self.dialect.joint)
        return f"( ( {each} ) {self.gap} {joint} ){'*' if joint else often}"

    def joint(self, rest: str) -> str:
        return f"{self.out.text(self.dialect.joint)} {rest}" if self.dialect.joint else ""

    def message(self, rule: str) -> str:
        """What the user sees, in the marks that stand around it."""
        if not self.dialect.text:
            return rule
        span = self.dialect.text[0]
        return f"{self.out.text(span.open)} {rule} {self.out.text(span.close)}"

    # Calls

    def section(self, notation: Notation) -> str:
        """Sections of calls in this notation, from the first one's beginning."""
        return self.rest(notation, 0)

    def rest(self, notation: Notation, read: int) -> str:
        """A section of whose lead so much has been read, and those after it."""
        text, begin, separator = self.out.text, notation.begin, notation.separator or ""
        left, read = begin[read:], max(0, read - len(begin))
        if separator and left.endswith(separator):  # the first call looks as the others do
            first = f"{text(left.removesuffix(separator))} {self.call(notation, separator)}"
        else:
            first = f"{text(left)} {self.call(notation, read=read)}"
        if notation.separator is not None:
            more = self.again(self.call(notation, separator))
            return self.out.rule(f"{first} {more} {text(notation.end)}")
        again = self.again(self.between, text(begin), self.call(notation), text(notation.end))
        return self.out.rule(f"{first} {text(notation.end)} {again}")

    def again(self, *rules: str) -> str:
        return f"( {' '.join(rules)} )*" if self.rules.parallel else ""

    @cached_property
    def between(self) -> str:
        """What may stand between two sections."""
        if self.dialect.joint:
            return self.out.text(self.dialect.joint)
        return self.gap if self.rules.thought == "no" else self.out.rule(f"{self.gap} {self.thought('?')}")

    def call(self, notation: Notation, before: str = "", read: int = 0) -> str:
        """One call, to any of the tools, after this literal; so much of the call's first literal has been read."""
        key = notation.call, id(notation.arguments), notation.lead[:1], before, read
        if key not in self.drawn:
            strokes = joined(before, notation)
            each = (" ".join(self.pieces(notation, strokes, tool, read)) for tool in self.rules.tools)
            self.drawn[key] = self.out.rule(" | ".join(each))
        return self.drawn[key]

    def pieces(self, notation: Notation, strokes: Sequence[str | Hole], tool: Tool, read: int) -> Iterator[str]:
        """The rules of one call, of whose first literal so much has been read."""
        for stroke in strokes:
            match stroke:
                case str():
                    yield self.literal(stroke.replace(NAME, tool.name)[read:], notation)
                    read = 0
                case Hole(hole):
                    yield self.out.rule(f"/{self.said[hole]}/") if hole in self.said else self.given(notation, tool)

    def literal(self, text: str, notation: Notation) -> str:
        """Exactly this text. Beside an answer in JSON that may begin as the calls do, both have to consist of the same
        pieces: a lexer that has taken a long one does not go back."""
        if self.rules.schema is None or notation.lead[:1] not in ("{", "["):
            return self.out.text(text)
        return " ".join(quote(piece) for piece in PIECES.split(text) if piece)

    @cached_property
    def said(self) -> Mapping[str, str]:
        """What a model may write into holes of its own."""
        return {"id": self.dialect.ids.hole, "number": NUMBER}

    def given(self, notation: Notation, tool: Tool) -> str:
        if notation.arguments == Json():
            return self.values[tool.name]
        key = id(notation.arguments), tool.name
        if key not in self.made:
            self.made[key] = self.written(notation, tool)
        return self.made[key]

    def written(self, notation: Notation, tool: Tool) -> str:
        try:
            return notation.arguments.lark(self.out, self.schemas[tool.name], lenient=not tool.strict)
        except Untold:
            raise BadRequest(
                f"{tool.place}: in this model's notation the text cannot be told from what closes it", param=tool.place
            ) from None

    @cached_property
    def drawn(self) -> dict[tuple[str, int, str, str, int], str]:
        """The rules of calls that are there already."""
        return {}

    @cached_property
    def made(self) -> dict[tuple[int, str], str]:
        """The rules of arguments that are there already, by the way they are written and the tool."""
        return {}


def joined(before: str, notation: Notation) -> list[str | Hole]:
    """This literal and the strokes of a call, with its name as `NAME`. Literals that stand together are one: a lexer
    that has taken a short one for the beginning of a longer one does not go back."""
    found: list[str | Hole] = [before]
    for stroke in notation.strokes:
        match stroke:
            case Hole(hole) if hole != "name":
                found += [stroke, ""]
            case Hole():
                found[-1] = f"{found[-1]}{NAME}"
            case Any(written) | str(written):
                found[-1] = f"{found[-1]}{written}"
    return found
