"""From dialect x tools x choice to one Lark grammar. Never any format: policy (who must call, how often) lives here,
once for all dialects; a dialect only says what a call looks like.

In auto mode a reply is free text, in which a call may begin in the dialect's own way or in a loose form (loose.py).
Free text is the complement of what begins as a call, so the moment a call is recognised, text is dead and only the
schema is left. What leads to a call is a lazy lexeme that carries its marker: a text lexeme followed by a literal
marker would not be found again (lexers do not go back). After the lead of a loose form, either the name is known,
or what was read was text all along and the search goes on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from cortex.core.chat import Schema, Tool
from cortex.core.dialect import Dialect
from cortex.core.lark import Lark, either, quote, regex
from cortex.core.loose import FORMS, KEYS, Form, is_loose
from cortex.core.schema import arguments

Thought = Literal["no", "may", "open"]  # a thought cannot come; may come first; has been opened by the prompt

GAP = r"[ \t\r\n]{0,8}"  # white space inside calls is bounded: no model loops on it
NAME = rf'\{{{GAP}"name"{GAP}:{GAP}"'
KEY = rf'{GAP},{GAP}"{either(KEYS)}"{GAP}:{GAP}'


@dataclass(frozen=True, slots=True)
class Rules:
    """What a reply has to keep to.

    `tools` are those that may be called. `must`: it begins with a call at once. `parallel`: several calls may come.
    `schema`: an answer in words has to follow it instead.
    """

    tools: Sequence[Tool] = ()
    must: bool = False
    parallel: bool = True
    schema: Schema | None = None
    thought: Thought = "no"


def build(dialect: Dialect, rules: Rules, specials: Mapping[str, int]) -> str:
    """The grammar of a reply that may hold calls, must follow a schema, or both."""
    return Builder(Lark(specials), dialect, rules).build()


def silent(dialect: Dialect, rules: Rules, specials: Mapping[str, int]) -> str:
    """The grammar of a reply in words: no call to the tools can be read out of it, nor does it begin like one."""
    return Builder(Lark(specials), dialect, rules).silent()


def check(schema: Schema, *, strict: bool = False) -> str:
    """A grammar of this schema alone: tells which of many cannot be compiled."""
    out = Lark({})
    out.rule(out.json(schema, lenient=not strict), "start")
    return str(out)


@dataclass(frozen=True, slots=True)
class Way:
    """One way out of free text into calls: a pattern that text must not hold, and the rule of what follows it.

    A `sure` way may come anywhere and is a call for certain; others begin a line and wait for a known name.
    """

    pattern: str
    rest: str
    sure: bool = False


@dataclass(frozen=True)
class Builder:
    out: Lark
    dialect: Dialect
    rules: Rules

    def build(self) -> str:
        self.out.rule(f"{self.thought()} {self.body()}", "start")
        return str(self.out)

    def silent(self) -> str:
        begin = r"[ \t\r\n]*(```|[\[{]).*"
        call = rf"(.*\n)?{either(form.lead for form in FORMS)}{self.known}.*"
        marker = [] if self.loose else [f".*{re.escape(self.dialect.marker)}.*"]
        self.out.rule(without(".*", begin, call, *marker), "TEXT")
        self.out.rule(f"{self.thought()} TEXT", "start")
        return str(self.out)

    def thought(self) -> str:
        opener, closer = self.dialect.reasoning
        match self.rules.thought:
            case "no":
                return ""
            case "may":
                return f"( {self.out.text(opener)} {self.out.until(closer)} {self.gap} )?"
            case "open":
                return f"{self.out.until(closer)} {self.gap}"

    def body(self) -> str:
        answer = "" if self.rules.schema is None else self.out.json(self.rules.schema, lenient=True)
        if not self.rules.tools:
            return answer
        if self.rules.must:
            return self.own()
        return f"( {self.own()} | {answer} )" if answer else self.auto()

    @cached_property
    def loose(self) -> bool:
        """Whether the dialect's own notation is a loose form: then text leads to it as to the others."""
        return is_loose(self.dialect.begin + self.dialect.parts[0])

    @cached_property
    def known(self) -> str:
        """A pattern for the name of a tool that may be called, and the quote after it."""
        return f'{either(re.escape(tool.name) for tool in self.rules.tools)}"'

    @cached_property
    def gap(self) -> str:
        return self.out.rule(regex(GAP), "GAP")

    @cached_property
    def values(self) -> Mapping[str, str]:
        """The rule of each tool's arguments."""
        return {tool.name: self.out.json(arguments(tool), lenient=not tool.strict) for tool in self.rules.tools}

    # The dialect's own notation

    def own(self) -> str:
        return f"{self.out.text(self.dialect.begin)} {self.section()}"

    def section(self) -> str:
        """The rest of a section of calls that has begun, and of the sections after it."""
        text, dialect = self.out.text, self.dialect
        before, between, after = dialect.parts
        calls = (f"{text(before + name + between)} {value} {text(after)}" for name, value in self.values.items())
        one = self.out.rule(" | ".join(calls), "call")
        if dialect.separator is not None:
            return self.out.rule(f"{one} {self.again(text(dialect.separator), one)} {text(dialect.end)}", "section")
        whole = self.out.rule(f"{one} {text(dialect.end)}")
        return self.out.rule(f"{whole} {self.again(self.gap, text(dialect.begin), whole)}", "section")

    def again(self, *rules: str) -> str:
        return f"( {' '.join(rules)} )*" if self.rules.parallel else ""

    # Calls out of free text

    def auto(self) -> str:
        """Free text, then calls; a call's name and arguments are enforced as soon as it is recognisable."""
        ways, native = self.loose_ways(), []
        if not self.loose:
            marker = self.dialect.marker
            rest = f"{self.out.text(self.dialect.begin.partition(marker)[2])} {self.section()}"
            if marker in self.out.specials:
                native = [f"{self.out.text(marker)} {rest}"]
            else:
                ways.append(Way(re.escape(marker), rest, sure=True))
        self.out.rule(self.free("LATER", r".*\n", ways, native, f"{self.known}.*"), "later")
        first = self.free("FIRST", r"(.*\n)?", ways, native)
        return f"( {first} )"

    def free(self, name: str, line: str, ways: Sequence[Way], native: Sequence[str], *barred: str) -> str:
        """Text up to and with the first way out of it, and what follows; or text to the end.

        `line` leads to the beginning of a line, `barred` are patterns that the text must not begin with: text goes on
        (the rule "later") in the middle of a line, where what looked like the lead of a call was none.
        """
        leads = [(".*" if way.sure else line) + way.pattern for way in ways]
        text = self.out.rule(without(".*", *barred, *(f"{lead}.*" for lead in leads)), f"{name}_TEXT")
        found = [
            f"{self.lazy(without(lead, *barred), f'{name}_{number}')} "
            + (way.rest if way.sure else f"( {way.rest} | later )")
            for number, (lead, way) in enumerate(zip(leads, ways, strict=True))
        ]
        return " | ".join([text, *(f"{text} {rest}" for rest in native), *found])

    def lazy(self, pattern: str, name: str) -> str:
        return self.out.rule(self.out.rule(pattern, name), flags="[lazy]")

    # Loose forms

    def loose_ways(self) -> list[Way]:
        key, brace = self.out.rule(regex(KEY), "KEY"), self.out.rule(regex(rf"{GAP}\}}"), "BRACE")
        calls = (f"{quote(name + chr(34))} {key} {value} {brace}" for name, value in self.values.items())
        self.out.rule(" | ".join(calls), "loose_call")
        if self.rules.parallel:
            fenced = (form for form in FORMS if form.fence)
            self.out.rule(" | ".join(f"{self.lead(form)} {form.name}" for form in fenced), "loose_again")
        return [Way(form.lead, self.loose_section(form)) for form in FORMS]

    def lead(self, form: Form) -> str:
        """The lead of a further section of this form, on a line of its own."""
        words = (re.escape(word) for word in (form.fence, *form.opener[:-1]))
        return self.out.rule(regex(rf"[ \t\r]{{0,8}}\n{GAP.join(['', *words, NAME])}"))

    def loose_section(self, form: Form) -> str:
        """The rest of a loose form whose lead has been read."""
        more = ""
        if form.separator is not None:
            more = self.again(self.out.rule(regex(GAP + form.separator + GAP + NAME)), "loose_call")
        ends = [self.out.rule(regex(GAP + re.escape(mark))) for mark in (form.closer, form.fence[:3]) if mark]
        again = "loose_again?" if form.fence and self.rules.parallel else ""
        return self.out.rule(" ".join(["loose_call", more, *ends, again]), form.name)


def without(pattern: str, *others: str) -> str:
    """What matches the pattern and none of the others."""
    return f"{regex(pattern)} & ~{regex(either(others))}" if others else regex(pattern)
