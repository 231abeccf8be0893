"""How one model family writes tool calls: data. Never any policy: who must call, and how often, is grammar.py's.

A dialect is used in three directions, and tests hold them together:

    write     calls -> text      what the model's own chat template renders
    grammar   tools -> Lark      what the engine lets the model produce
    parse     text -> events     what the client receives
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from cortex.core.arguments import Arguments
from cortex.core.arguments.json import Json
from cortex.core.drawing import Hole, Stroke, fill, strokes
from cortex.core.ids import AS_IT_IS, Ids
from cortex.core.loose import Fence, is_loose


@dataclass(frozen=True)
class Notation:
    """One way to write calls, drawn as text with holes (drawing.py).

    `call` is one call, with the holes «name», «arguments» and, where the family writes them, «id» and «number» (of
    the call in its section, from 1). `begin` opens a section of calls and `end` closes it; `separator` stands between
    the calls of one section, None where a section holds one call; then `apart` stands between two sections.
    `arguments` says how the arguments are written. A call that is drawn as a JSON object is read with its members in
    any order. `anywhere`: its beginning announces a call wherever it stands; else it has to begin a line, and a known
    name has to follow.
    """

    call: str
    begin: str = ""
    end: str = ""
    separator: str | None = None
    arguments: Arguments = field(default_factory=Json)
    anywhere: bool = True
    apart: str = "\n"

    @cached_property
    def strokes(self) -> tuple[Stroke, ...]:
        return strokes(self.call)

    @cached_property
    def lead(self) -> str:
        """The literal text that every call begins with."""
        first = self.strokes[0]
        return self.begin + (first if isinstance(first, str) else "")

    @cached_property
    def marker(self) -> str:
        """The text that announces a call for certain; "" where a call begins like other texts, as with a bracket."""
        marker = self.begin.strip() or self.lead.strip()
        return marker if self.anywhere and re.search(r"\w", marker) and not is_loose(self.lead) else ""

    def read(self, marker: str) -> int:
        """How much of the lead this marker takes."""
        return self.lead.index(marker) + len(marker)

    @property
    def is_code(self) -> bool:
        """Whether a call looks as in code, `[f(`: with a known name nothing else does, wherever it stands."""
        return self.after(self.name_at).startswith("(")

    @property
    def opening(self) -> str:
        """What a call begins with, less what opens a section; "" where that is its name."""
        match self.strokes[0]:
            case Hole():
                return ""
            case str() as literal:
                return literal
            case either:
                return either.written

    @cached_property
    def name_at(self) -> int:
        """Which of the strokes is the name."""
        return self.strokes.index(Hole("name"))

    @cached_property
    def members(self) -> tuple[str, str, str] | None:
        """The keys of name, arguments and id, where a call is drawn as a JSON object; "" for no id."""
        keys = [re.search(rf'"(\w+)": *"?«{hole}»', self.call) for hole in ("name", "arguments", "id")]
        if not self.call.startswith("{") or keys[0] is None or keys[1] is None:
            return None
        return keys[0][1], keys[1][1], keys[2][1] if keys[2] else ""

    def after(self, at: int) -> str:
        """The first literal after this stroke of a call; "" where there is none."""
        return next((stroke for stroke in self.strokes[at + 1 :] if isinstance(stroke, str)), "")

    def said(self, at: int, ids: Sequence[str]) -> Mapping[str, str]:
        """What the holes «id» and «number» hold in this call of a section."""
        return {"id": ids[at] if ids else str(at), "number": str(at + 1)}

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any] | str]], ids: Sequence[str], joint: str) -> str:
        """These calls, as the model would write them; `joint` stands between two messages."""
        each = [
            fill(self.call, {**self.said(at, ids), "name": name, "arguments": self.arguments.write(given)})
            for at, (name, given) in enumerate(calls)
        ]
        if self.separator is None:
            return (joint or self.apart).join(self.begin + one + self.end for one in each)
        return self.begin + self.separator.join(each) + self.end


Announced = TypeVar("Announced", bound=Notation | Fence)


def announced(notations: Sequence[Announced]) -> dict[str, tuple[Announced, ...]]:
    """The markers of these notations, each with those that it may announce. One that begins another announces both."""
    found: dict[str, tuple[Announced, ...]] = {}
    markers = sorted({each.marker for each in notations} - {""}, key=len)
    for each in notations:
        if each.marker:
            shortest = next(marker for marker in markers if each.marker.startswith(marker))
            found[shortest] = (*found.get(shortest, ()), each)
    return found


@dataclass(frozen=True, slots=True)
class Span:
    """Marks around a stretch of a reply. `close` "" ends with the reply. `yields`: a call inside ends it too (where no
    grammar holds)."""

    open: str
    close: str
    yields: bool = False


THINK = Span("<think>", "</think>")


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """What one family's replies look like.

    `notation` is how calls are written and enforced; `also` are other ways in which the family's models are known to
    write them, enforced and read wherever they come. `thought` marks reasoning. Where a reply is made of several
    messages, `text` are the marks around those that the user sees, and `joint` stands between two messages; `markup`
    are further marks inside text that mean nothing, as drawings. `asides` are messages that are neither for the user
    nor calls to our tools: they are passed over. Their beginnings are drawings too. `ids` are what ids of calls look
    like. `slips` are ways to write calls where a known name follows: its own, and those of other families, which
    `cortex.dialects` adds. `strays` are further ones of other families, which count only where no grammar holds.

    `aliases` are other names of the dialect. `detect` lists spellings that a chat template of this family contains,
    all of them. A family whose template knows tools needs no more. For others, `prompt` holds our own instructions, in
    which `<CUSTOM_FUNCTIONS>` stands for the tools, and `results` shows their answers to the model as a user's
    message: its hole «results» takes one `result` (holes «name» and «result») for each.
    """

    name: str
    notation: Notation
    also: tuple[Notation, ...] = ()
    thought: tuple[Span, ...] = (THINK,)
    text: tuple[Span, ...] = ()
    joint: str = ""
    markup: tuple[str, ...] = ()
    asides: tuple[Span, ...] = ()
    slips: tuple[Fence | Notation, ...] = ()
    strays: tuple[Notation, ...] = ()
    ids: Ids = AS_IT_IS
    aliases: tuple[str, ...] = ()
    detect: tuple[str, ...] = ()
    prompt: str = ""
    results: str = ""
    result: str = ""

    @property
    def reasoning(self) -> tuple[str, str]:
        """The marks of a thought as the family writes it."""
        return (self.thought[0].open, self.thought[0].close) if self.thought else ("", "")

    @property
    def notations(self) -> tuple[Notation, ...]:
        return (self.notation, *self.also)

    def joins(self, notation: Notation) -> bool:
        """Whether its calls follow what stands between two messages, and need no line of their own."""
        return bool(self.joint) and notation.begin == self.joint

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any] | str]], ids: Sequence[str] = ()) -> str:
        """These calls, as the model would write them. Arguments given as text go in as they are."""
        given = ids or self.ids.spelled([(str(at), name) for at, (name, _) in enumerate(calls)])
        return self.notation.write(calls, given, self.joint)
