"""Free text that may lead to calls, as a grammar; and text that cannot. Never any policy but that of calls.py.

A call may begin in one of the dialect's own notations or in a loose form (loose.py). Free text is the complement of
what begins as a call, so the moment a call is recognised, text is dead and only the schema is left. What leads to a
call is a lazy lexeme that carries its mark: a text lexeme followed by a literal mark would not be found again (lexers
do not go back). After a lead that other texts have too, either the name is known, or what was read was text all along
and the search goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cortex.core.calls import Calls
from cortex.core.dialect import Notation, Span, announced
from cortex.core.drawing import flexible
from cortex.core.lark import either, regex
from cortex.core.loose import FORMS, SPACE, is_loose
from cortex.core.slips import BEHIND, Slips, Way

LINE = r"(.*\n)?"  # what comes before the beginning of a line, where text begins
LATER = r".*\n"  # the same, in the middle of text
INDENT = r"[ \t]*"  # the same, where a message begins


@dataclass(frozen=True)
class Prose:
    """The rules of free text."""

    calls: Calls

    @cached_property
    def notations(self) -> Sequence[Notation]:
        return self.calls.dialect.notations

    @cached_property
    def slips(self) -> Slips:
        return Slips(self.calls)

    # Text that leads to calls

    def auto(self) -> str:
        """Free text, then calls; a call's name and arguments are enforced as soon as it is recognisable."""
        out, starts = self.calls.out, [each for each in self.notations if not each.lead.strip()]
        out.rule(self.free("LATER", LATER, *(f"{known}.*" for known in self.known)), "later")
        barred = [self.calls.follows(each) for each in starts]
        first = out.rule(self.free("FIRST", LINE, *(f"[ \\t\\r\\n]*{each}.*" for each in barred)))
        opened = [f"{out.text(span.open)} {first}" for span in self.calls.dialect.text]
        return out.rule(f"( {' | '.join([first, *opened, *map(self.calls.section, starts)])} )", "message")

    @cached_property
    def known(self) -> Sequence[str]:
        return list(dict.fromkeys(way.known for way in self.ways if way.known))

    def free(self, name: str, line: str, *barred: str) -> str:
        """Text up to and with the first way out of it, and what follows; or text to the end.

        `line` leads to the beginning of a line, `barred` are patterns that the text must not begin with: text goes on
        (the rule "later") in the middle of a line, where what looked like the lead of a call was none.
        """
        out = self.calls.out
        bars = [out.terminal(regex(either(barred)))] if barred else []  # one terminal: it may hold hundreds of names
        leads = [f"{way.after(line)}.*" for way in self.ways]
        text = out.rule(excluding(".*", *bars, regex(either(leads))), f"{name}_TEXT")
        found = []
        for number, way in enumerate(self.ways):
            others = [*bars, *([out.terminal(regex(way.unless))] if way.unless else [])]
            lead = self.lazy(excluding(way.after(LATER if way.fresh else line), *others), f"{name}_{number}")
            found.append(f"{lead} {self.rest(way)}")
        if line == LINE:
            found += [
                f"{self.lazy(excluding(INDENT + way.pattern.removeprefix(SPACE), *bars), f'{name}_AT_{number}')} "
                f"( {way.fresh} | {self.rest(way)} )"
                for number, way in enumerate(self.ways)
                if way.fresh
            ]
        return " | ".join([text, *(f"{text} {rest}" for rest in self.native), *found])

    def lazy(self, pattern: str, name: str) -> str:
        return self.calls.out.rule(self.calls.out.rule(pattern, name), flags="[lazy]")

    def rest(self, way: Way) -> str:
        return f"( {way.rest} | later )" if way.known else way.rest

    # Ways out of text

    @cached_property
    def native(self) -> Sequence[str]:
        """What may follow text at once, since it begins with a token that no text holds."""
        text, is_token = self.calls.out.text, self.calls.out.is_token
        closed = dict.fromkeys(span.close for span in self.calls.dialect.text if is_token(span.close))
        return [
            *(f"{text(marker)} {rest}" for marker, rest in self.sure.items() if is_token(marker)),
            *(f"{text(close)} {self.more}" for close in closed),
            *self.slips.native(),
        ]

    @cached_property
    def sure(self) -> Mapping[str, str]:
        """The rules of what follows the markers of calls."""
        return {
            marker: f"( {' | '.join(self.calls.rest(each, each.read(marker)) for each in notations)} )"
            for marker, notations in announced(self.notations).items()
        }

    @cached_property
    def ways(self) -> Sequence[Way]:
        """Also those whose marks are tokens: a model may spell them."""
        closed = dict.fromkeys(span.close for span in self.calls.dialect.text if span.close)
        sure = [
            Way(flexible(marker), rest) for marker, rest in {**self.sure, **dict.fromkeys(closed, self.more)}.items()
        ]
        return [*sure, *map(self.weak, self.weakest), *self.slips.ways()]

    @cached_property
    def weakest(self) -> Sequence[Sequence[Notation]]:
        """The notations whose calls begin as other texts do, each with those whose lead goes on where its own ends: a
        lexer that has found the short one does not look for the others."""
        weak = [each for each in self.notations if is_weak(each)]
        groups = {each.lead: [other for other in weak if other.lead.startswith(each.lead)] for each in weak}
        return [
            group
            for lead, group in groups.items()
            if not any(lead != short and lead.startswith(short) for short in groups)
        ]

    def weak(self, notations: Sequence[Notation]) -> Way:
        lead = min((each.lead for each in notations), key=len)
        rests = " | ".join(self.calls.rest(each, len(lead)) for each in notations)
        known = [flexible(each.lead[len(lead) :]) + self.calls.follows(each) for each in notations]
        opened = {open[len(lead) :]: rest for open, rest in self.openers() if open.startswith(lead)}
        fresh = " | ".join(f"{self.calls.out.text(open)} {rest}" for open, rest in opened.items())
        known += map(flexible, opened)
        for pattern, rest in self.listed(lead):
            rests, known = f"{rests} | {rest}", [*known, pattern]
        return Way(SPACE + flexible(lead), f"( {rests} )", either(known), self.is_anywhere(notations[0]), fresh)

    def listed(self, lead: str) -> Iterator[tuple[str, str]]:
        """How a loose list, or another family's mark, goes on behind this lead, up to the name, and the rule of it: the
        lexer has found the lead alone."""
        out, slips = self.calls.out, self.slips
        for form in FORMS:
            if form.opener.startswith(lead.strip()) and not form.fence:
                pattern = form.lead.removeprefix(SPACE + flexible(lead))
                yield pattern, f"{out.rule(regex(pattern))} ( {slips.unfenced(form)} {slips.closed} | later )"
        for fence in slips.fences:
            if fence.open.startswith(lead.strip()):
                pattern = flexible(fence.open[len(lead.strip()) :]) + BEHIND
                yield pattern, f"{out.rule(regex(pattern))} ( {slips.marked} | later )"

    def openers(self) -> Iterator[tuple[str, str]]:
        """What opens messages that are no calls, and the rules of what follows it."""
        out, dialect = self.calls.out, self.calls.dialect
        for span in dialect.thought if self.calls.rules.thought != "no" else ():
            yield span.open, f"{out.until(span.close)} {self.calls.gap} {self.calls.joint('message')}"
        yield from ((span.open, "message") for span in dialect.text)

    def is_anywhere(self, notation: Notation) -> bool:
        """Whether its calls need not begin a line: they look as in code, or follow what stands between two messages."""
        return notation.is_code or self.calls.dialect.joins(notation)

    @cached_property
    def more(self) -> str:
        """What may follow a message to the user: nothing, or further messages."""
        joint = self.calls.out.text(self.calls.dialect.joint) or self.calls.gap
        calls = self.calls.section(self.calls.dialect.notation)
        thought = "" if self.calls.rules.thought == "no" else self.calls.thought("?")
        return self.calls.out.rule(f"( {joint} {thought} {calls} )?")

    # Text that leads to no calls

    def silent(self) -> str:
        """Words: no call to the tools can be read out of them, nor do they begin like one."""
        out = self.calls.out
        begin = r"[ \t\r\n]*(```|[\[{]).*"
        weak = [
            (".*" if self.is_anywhere(each) else LINE) + SPACE + flexible(each.lead) + self.calls.follows(each)
            for each in self.notations
            if is_weak(each) or not each.lead.strip()
        ]
        marked = [f".*{flexible(each.marker)}" for each in self.notations if each.marker]
        called = (f"{pattern}.*" for pattern in (*weak, *marked, *self.slips.patterns()))
        text = out.rule(excluding(".*", regex(either([begin, *called]))), "TEXT")
        return f"( {' | '.join([text, *(self.spoken(span, text) for span in self.calls.dialect.text)])} )"

    def spoken(self, span: Span, text: str) -> str:
        """A message of words, and where it is closed, a further one."""
        out = self.calls.out
        if not span.close:
            return f"{out.text(span.open)} {text}"
        joint = out.text(self.calls.dialect.joint) or self.calls.gap
        return f"{out.text(span.open)} {text} ( {out.text(span.close)} ( {joint} {out.text(span.open)} {text} )? )?"


def is_weak(notation: Notation) -> bool:
    """Whether other texts begin as its calls do."""
    return bool(notation.lead.strip()) and not notation.marker and not is_loose(notation.lead)


def excluding(pattern: str, *others: str) -> str:
    """What matches the pattern and none of the other terminals. One complement of all of them: of several in a row,
    the engine's lexer takes some states for dead that are not."""
    return f"{regex(pattern)} & ~( {' | '.join(others)} )" if others else regex(pattern)
