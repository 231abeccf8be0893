"""The rules of calls that slip: in loose JSON, and in the notation of another family. Never any text but that of calls.

The forms are those of loose.py and of the dialect's `slips`; a known name makes a call of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from cortex.core.calls import GAP, Calls
from cortex.core.dialect import Notation, announced
from cortex.core.drawing import flexible
from cortex.core.lark import either, escape, quote, regex
from cortex.core.loose import BETWEEN, FORMS, KEYS, SPACE, Fence, Form, is_loose

NAME = rf'\{{{GAP}"name"{GAP}:{GAP}"'
FIRST = rf"({GAP}\[)?{GAP}{NAME}"  # what stands between a family's mark and the first name
BEHIND = rf"({SPACE}\[)?{FORMS[0].lead}"  # the same in text, where any white space counts
KEY = rf'{GAP},{GAP}"{either(KEYS)}"{GAP}:{GAP}'


@dataclass(frozen=True, slots=True)
class Way:
    """One way out of free text: a pattern that text must not hold, and the rule of what follows it.

    With `known`, other texts have the pattern too: what follows is a call where it matches this. Such a pattern has to
    begin a line, unless it counts `anywhere`. `fresh`: the rules of what else may follow it where a message begins.
    `unless`: text that ends in this is another way's, though it ends in the pattern too.
    """

    pattern: str
    rest: str
    known: str = ""
    anywhere: bool = False
    fresh: str = ""
    unless: str = ""

    def after(self, line: str) -> str:
        return (line if self.known and not self.anywhere else ".*") + self.pattern


@dataclass(frozen=True)
class Slips:
    """The rules of calls that slip."""

    calls: Calls

    def ways(self) -> list[Way]:
        """Out of text into all of them."""
        out, calls = self.calls.out, self.calls
        key, brace = out.rule(regex(KEY), "KEY"), out.rule(regex(rf"{GAP}\}}"), "BRACE")
        each = (f"{quote(name + chr(34))} {key} {value} {brace}" for name, value in calls.values.items())
        out.rule(" | ".join(each), "loose_call")
        if calls.rules.parallel:
            fenced = (form for form in FORMS if form.fence)
            out.rule(" | ".join(f"{self.lead(form)} {form.name}" for form in fenced), "loose_again")
        loose = (Way(form.lead, self.section(form), self.known, unless=self.unless(form)) for form in FORMS)
        return [*self.foreign(), *self.exact(), *loose]

    @property
    def known(self) -> str:
        return f'{self.calls.names}"'

    @property
    def fenced(self) -> Sequence[Notation]:
        """The dialect's own notations that are loose forms in a fence."""
        return [each for each in self.calls.dialect.notations if each.lead.startswith("```") and is_loose(each.lead)]

    def exact(self) -> Iterator[Way]:
        """Where a model writes the lead of its own notation to the letter, nothing about it is loose: what follows the
        name is forced, and the last mark ends the reply."""
        for each in self.fenced:
            yield Way(SPACE + escape(each.lead), self.calls.rest(each, len(each.lead)), self.known)

    def unless(self, form: Form) -> str:
        """What ends in the lead of this form and is another way's."""
        exact = [f".*{escape(each.lead)}" for each in self.fenced if re.search(rf"(?m:^){form.lead}$", each.lead)]
        others = [*exact, *([self.behind_mark] if self.fences and not form.fence else [])]
        return either(others) if others else ""

    def patterns(self) -> Iterator[str]:
        """What text without calls must not hold."""
        yield rf"(.*\n)?{either(form.lead for form in FORMS)}{self.known}"
        yield from (way.after("") + way.known for way in self.foreign())

    # Loose forms

    def lead(self, form: Form) -> str:
        """The lead of a further section of this form, on a line of its own."""
        words = (re.escape(word) for word in (form.fence, *form.opener[:-1]))
        return self.calls.out.rule(regex(rf"[ \t\r]{{0,8}}\n{GAP.join(['', *words, NAME])}"))

    def section(self, form: Form) -> str:
        """The rest of a loose form whose lead has been read."""
        more = self.more(form.between) if form.between else ""
        ends = [self.calls.out.rule(regex(GAP + re.escape(mark))) for mark in (form.closer, form.fence[:3]) if mark]
        again = "loose_again?" if form.fence and self.calls.rules.parallel else ""
        return self.calls.out.rule(" ".join(["loose_call", more, *ends, again]), form.name)

    def unfenced(self, form: Form) -> str:
        """The rest of a loose form whose lead has been read, where nobody knows whether a fence is open."""
        return f"{form.name} {self.calls.out.rule(regex(f'{GAP}```'))}?"

    def more(self, between: Sequence[str]) -> str:
        """Further calls of a section, with one of these marks between them."""
        return self.calls.again(self.calls.out.rule(regex(GAP + either(between) + GAP + NAME)), "loose_call")

    # In other families' notations

    @cached_property
    def fences(self) -> Sequence[Fence]:
        return [slip for slip in self.others if isinstance(slip, Fence)]

    @cached_property
    def others(self) -> Sequence[Fence | Notation]:
        """Those that the dialect's own markers do not announce: after these the grammar knows what has to follow."""
        own = tuple(announced(self.calls.dialect.notations))
        return [slip for slip in self.calls.dialect.slips if not slip.marker.startswith(own)]

    @cached_property
    def marks(self) -> str:
        return either(flexible(fence.open) for fence in self.fences)

    @property
    def behind_mark(self) -> str:
        """A family's mark, and what stands between it and the first name."""
        return f".*{self.marks}{BEHIND}" if self.fences else ""

    def foreign(self) -> list[Way]:
        tagged = [self.tagged(slip) for slip in self.others if isinstance(slip, Notation)]
        if not self.fences:
            return tagged
        return [Way(self.behind_mark.removeprefix(".*"), self.marked, self.known, anywhere=True), *tagged]

    def native(self) -> list[str]:
        """What may follow text at once, since it begins with a token that no text holds."""
        return [f"{self.opened(fence)} {self.marked}" for fence in self.fences if self.calls.out.is_token(fence.open)]

    def opened(self, fence: Fence) -> str:
        return f"{self.calls.out.text(fence.open)} {self.calls.out.rule(regex(FIRST))}"

    @cached_property
    def marked(self) -> str:
        """Calls behind a family's mark, from the first one's name on. What closes them may be missing."""
        out, again = self.calls.out, ""
        if self.calls.rules.parallel:
            tokens = [f"{self.calls.gap} {self.opened(each)}" for each in self.fences if out.is_token(each.open)]
            again = f"( ( {' | '.join([out.rule(regex(GAP + self.marks + FIRST)), *tokens])} ) marked )?"
        bracket = out.rule(regex(rf"{GAP}\]"))
        return out.rule(f"loose_call {self.more(BETWEEN)} {bracket}? {self.closed} {again}", "marked")

    def tagged(self, notation: Notation) -> Way:
        """Calls in a notation that begins with the call itself, and may stand in the marks of a further family."""
        out, name = self.calls.out, f"tagged{self.others.index(notation)}"
        again, rest = "", f"{self.calls.call(notation, read=len(notation.lead))} {out.text(notation.end)}"
        if self.calls.rules.parallel:
            mark = f"({GAP}{self.marks})?" if self.fences else ""
            again = f"( {out.rule(regex(mark + GAP + flexible(notation.lead)))} {name} )?"
        out.rule(f"{rest} {self.closed} {again}", name)
        return Way(flexible(notation.lead), name, self.calls.follows(notation), anywhere=True)

    @cached_property
    def closed(self) -> str:
        """The mark that closes a section, which may be missing."""
        out, marks = self.calls.out, sorted({fence.close for fence in self.fences} - {""})
        spelled = [out.rule(regex(GAP + either(map(flexible, marks))))] if marks else []
        tokens = [f"{self.calls.gap} {out.text(mark)}" for mark in marks if out.is_token(mark)]
        return f"( {' | '.join([*spelled, *tokens])} )?" if marks else ""
