"""Model text -> events, incrementally. No I/O, no model; never raises on what a model says.

What is not a call stays text, unchanged, except white space between the parts of a reply. A call that has begun stays
a call: cut off, it stays open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cortex.core.chat import Schema
from cortex.core.dialect import Dialect, Notation, Span, announced
from cortex.core.drawing import Hole
from cortex.core.events import Event, Reasoning, Text
from cortex.core.find import Finder, Found, Mark, Place, drawn, literal
from cortex.core.loose import FORMS, KEYS, SPACE, Fence, Form, is_loose
from cortex.core.rules import Thought
from cortex.core.scan import Cut, Mismatch, NeedText, Scanner, Steps
from cortex.core.sections import Sections


class Markup:
    """Found where a mark inside text means nothing."""


class Closer:
    """Found where a thought ends that has not begun: an empty one, opened by the prompt."""


MARKUP, CLOSER = Markup(), Closer()


Kind = tuple[frozenset[str] | None, bool, bool, Thought, bool]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a reply is to be read.

    `names` are the tools that may be called, with the schemas of their arguments; without any, everything is text;
    None: any name is a tool's. `must`: the reply is calls and nothing else, so no text comes out of it. `loose`: calls
    in loose JSON or another family's marks count, whatever the dialect (not so where the answer itself may be JSON).
    `thought`: whether a thought cannot come, may begin the reply, or was opened by the prompt. `free`: no grammar held
    the text. Then a call to any name counts in the dialect's own notation, wherever it stands.
    """

    names: Mapping[str, Schema] | None = field(default_factory=dict)
    must: bool = False
    loose: bool = True
    thought: Thought = "no"
    free: bool = False

    @property
    def calls(self) -> bool:
        """Whether there can be calls."""
        return self.names is None or bool(self.names)

    @property
    def kind(self) -> Kind:
        """What of this says which marks there are."""
        names = None if self.names is None else frozenset(self.names)
        return names, self.must, self.loose, self.thought, self.free


class Parser:
    """Reads one reply; `new_id` makes the id of a call from the one that the model wrote ("" where it wrote none)."""

    def __init__(self, dialect: Dialect, reading: Reading, new_id: Callable[[str], str]) -> None:
        self.dialect, self.reading = dialect, reading
        self.prose, self.plain, self.thought = finders(dialect, reading.kind)
        self.scan, self.fresh, self.thoughts = Scanner(), True, False
        self.sections = sections(dialect, reading, self.scan, new_id)
        self.steps = self.reply()

    def feed(self, text: str) -> list[Event]:
        """The events that this further text completes."""
        self.scan.text += text
        return self.run()

    def flush(self) -> list[Event]:
        """The rest, after the last text."""
        self.scan.ended = True
        return self.run()

    def run(self) -> list[Event]:
        events: list[Event] = []
        for step in self.steps:
            if isinstance(step, NeedText):
                break
            events.append(step)
        return events

    def reply(self) -> Steps[None]:
        if self.reading.thought == "open":
            yield from self.think()
        while (found := (yield from self.copy(Text, self.prose))) is not None:
            yield from self.part(found)

    def part(self, found: Any) -> Steps[None]:
        """A part of the reply whose mark has been found."""
        match found:
            case Span() if found in self.dialect.asides:
                yield from self.skip(found)
            case Span():
                yield from self.again()
                yield from self.think()
            case str():  # a mark that means nothing
                self.fresh = True
            case Markup():
                pass
            case Closer():
                if self.thoughts:  # nested thoughts: all but the first end are text
                    yield from self.emit(Text, self.scan.seen)
            case _:
                yield from self.calls(found)

    def again(self) -> Steps[None]:
        """Pass over a thought's mark that is said twice. (Where the prompt has said it, it is the model's own word.)"""
        with suppress(Cut):
            yield from self.scan.maybe(*(span.open for span in self.dialect.thought))

    def think(self) -> Steps[None]:
        """A thought that has been opened."""
        yield from self.blank()
        begun, self.thoughts = self.sections.index, True
        while self.sections.index == begun and (found := (yield from self.copy(Reasoning, self.thought))):
            yield from self.calls(found, Reasoning)
        self.fresh = True
        yield from self.blank()

    def skip(self, span: Span) -> Steps[None]:
        """Pass over a message that is for nobody here."""
        try:
            yield from self.scan.before(span.close, self.dialect.joint)
        except Cut:
            self.scan.text = ""

    def blank(self) -> Steps[None]:
        """Pass over white space."""
        while not self.scan.text.strip() and not self.scan.ended:
            yield from self.scan.more()
        self.scan.take(len(self.scan.text) - len(self.scan.text.lstrip()))

    def copy(self, make: type[Text] | type[Reasoning], finder: Finder) -> Steps[Any]:
        """Emit text up to what the finder finds, less the white space before it; consume and return that."""
        scan = self.scan
        while True:
            scan.commit()
            if found := finder.search(scan.text, fresh=self.fresh, ended=scan.ended):
                if found.what is MARKUP:
                    yield from self.unmarked(make, found)
                    continue
                if text := scan.text[: found.start].rstrip():
                    yield from self.emit(make, scan.take(len(text)))
                    scan.commit()
                scan.take(found.end - len(text))
                return found.what or ""
            if scan.ended:
                text = scan.text[: len(scan.text) - finder.broken(scan.text, fresh=self.fresh)]
                if self.is_said(text, finder):
                    yield from self.emit(make, text)
                scan.take(len(scan.text))
                return None
            wait = finder.waiting(scan.text, fresh=self.fresh)
            if ready := scan.text[: len(scan.text) - wait].rstrip():
                yield from self.emit(make, scan.take(len(ready)))
            yield from scan.more()

    def is_said(self, text: str, finder: Finder) -> bool:
        """Whether the end of a reply is text: white space after calls is not, nor is a mark there that was cut off."""
        if self.sections.index and not self.reading.free:
            text = text[: len(text) - finder.waiting(text, fresh=self.fresh)]
        return bool(text.strip()) or not self.sections.index

    def unmarked(self, make: type[Text] | type[Reasoning], found: Found) -> Steps[None]:
        """Emit the text before markup, and pass over the markup. White space around it stays: it stands inside text."""
        text = self.scan.take(found.start)
        if text.strip() or not self.fresh:
            yield from self.emit(make, text)
        self.scan.take(found.end - found.start)

    def emit(self, make: type[Text] | type[Reasoning], text: str) -> Steps[None]:
        self.fresh = False
        if text and (make is Reasoning or not self.reading.must):
            yield make(text)

    def calls(self, found: Form | tuple[Notation, ...], make: type[Text] | type[Reasoning] = Text) -> Steps[None]:
        """The calls of one section; what turns out not to be a call is text after all, or part of the thought."""
        begun, fresh, self.fresh = self.sections.index, self.fresh, False
        try:
            yield from self.sections.loose(found) if isinstance(found, Form) else self.first(found)
        except Cut:  # inside its calls, what is left of a reply is their markup; a lead alone may be text
            if self.sections.index == begun and not is_sure(found, self.dialect):
                yield from self.emit(make, self.scan.seen + self.scan.text)
            self.scan.text = ""
        except Mismatch:
            if self.sections.index > begun:  # what follows the last call may be something else
                self.scan.rewind()
            elif not isinstance(found, Form) and (other := (yield from self.other(fresh))) is not None:
                self.fresh = fresh
                return (yield from self.part(other))
            else:
                yield from self.emit(make, self.scan.seen)
        self.fresh = self.sections.index > begun
        self.scan.commit()

    def other(self, fresh: bool) -> Steps[Any]:
        """What else begins where no call did; None: nothing."""
        length = len(self.scan.seen)
        self.scan.rewind()
        while (found := self.plain.match(self.scan.text, fresh=fresh)) is None:
            if self.scan.ended or not self.plain.begins(self.scan.text, fresh=fresh):
                self.scan.take(length)
                return None
            yield from self.scan.more()
        self.scan.take(found.end)
        return found.what

    def first(self, notations: Sequence[Fence | Notation]) -> Steps[None]:
        """A section in the first of these notations that fits."""
        begun, cut = self.sections.index, False
        for notation in notations:
            self.scan.rewind()
            try:
                return (yield from self.section(notation))
            except Mismatch as error:
                if self.sections.index > begun:
                    raise
                cut = cut or isinstance(error, Cut)
        raise Cut if cut else Mismatch

    def section(self, one: Fence | Notation) -> Steps[None]:
        if isinstance(one, Fence) or one not in self.dialect.notations:
            yield from self.sections.slip(one)
        elif one.is_code and not one.marker:
            yield from self.sections.weak(one)
        else:
            yield from self.sections.section(one)


def sections(dialect: Dialect, reading: Reading, scan: Scanner, new_id: Callable[[str], str]) -> Sections:
    keys = KEYS if reading.loose or not dialect.notation.members else dialect.notation.members[1:2]
    return Sections(scan, reading.names, new_id, free=reading.free, keys=keys, slips=dialect.slips)


def is_sure(found: Form | tuple[Fence | Notation, ...], dialect: Dialect) -> bool:
    return not isinstance(found, Form) and bool(found[0].marker) and found[0] in dialect.notations


# What ends free text


@lru_cache(maxsize=256)
def finders(dialect: Dialect, kind: Kind) -> tuple[Finder, Finder, Finder]:
    """What finds the ends of free text, the marks in it that announce no call, and the ends of a thought."""
    names, must, loose, thought, free = kind
    reading = Reading(None if names is None else {name: {} for name in sorted(names)}, must, loose, thought, free)
    return (
        Finder([*marks(dialect, reading)]),
        Finder([*plain_marks(dialect, reading), *slipped(dialect, reading)]),
        Finder([*ends_of_thought(dialect, reading)]),
    )


def marks(dialect: Dialect, reading: Reading) -> Iterator[Mark]:
    yield from openers(dialect, reading)
    if reading.calls:
        yield from call_marks(dialect, reading)
    yield from plain_marks(dialect, reading)


def openers(dialect: Dialect, reading: Reading) -> Iterator[Mark]:
    """What opens a message that is no call, which a lead that other text may have might look like."""
    if reading.thought != "no":
        yield from (Mark(span, literal(span.open), "start") for span in dialect.thought)
    yield from (Mark("", whole(span.open), "start") for span in dialect.text)


def plain_marks(dialect: Dialect, reading: Reading) -> Iterator[Mark]:
    """Those that announce no call."""
    yield from openers(dialect, reading)
    if reading.thought != "no":
        others = {span.close for span in dialect.text}
        yield from (Mark(CLOSER, literal(span.close), "start") for span in dialect.thought if span.close not in others)
    yield from (Mark(span, drawn(span.open)) for span in dialect.asides)
    opens = [span.open for span in dialect.text]
    if any(map(dialect.joins, dialect.notations)):  # of names, which other texts may hold too
        nothing = [dialect.joint + text for text in opens]
        if reading.thought != "no":
            yield from (Mark(span, literal(dialect.joint + span.open)) for span in dialect.thought)
    else:
        nothing = [dialect.joint, *opens]
    yield from (Mark("", whole(text)) for text in sorted(nothing, key=len, reverse=True))
    yield from markup(dialect)


def slipped(dialect: Dialect, reading: Reading) -> Iterator[Mark]:
    """A call in loose JSON, later in the line that one of the dialect's own marks began."""
    if reading.free and reading.loose and reading.calls:
        for marker in announced(dialect.notations):
            yield from (Mark(form, [*literal(marker), r"[^\n{\[`]*", *form.atoms]) for form in FORMS)


def whole(opener: str) -> list[str]:
    """The atoms of what opens a message. A name ends with its line: it may begin other words."""
    return [*literal(opener), *(["\n"] if re.search(r"\w\n$", opener) else [])]


def markup(dialect: Dialect) -> Iterator[Mark]:
    found = (*dialect.markup, *(span.close for span in dialect.text))  # white space before them belongs to the text
    yield from (Mark(MARKUP, drawn(text)) for text in sorted(found, key=len, reverse=True))


def ends_of_thought(dialect: Dialect, reading: Reading) -> Iterator[Mark]:
    yield from (Mark("", literal(span.close)) for span in dialect.thought)
    yield from markup(dialect)
    if reading.free and reading.calls and any(span.yields for span in dialect.thought):
        yield from sure_marks(dialect.notations)


def call_marks(dialect: Dialect, reading: Reading) -> Iterator[Mark]:
    for form in FORMS:
        if form.leads(dialect.notation.lead):
            yield Mark(form, form.atoms[1:], "any" if reading.free else "line")
        elif reading.loose:
            yield Mark(form, form.atoms[1:], "line")
    yield from sure_marks(dialect.notations, others(dialect, reading))
    for notation in dialect.notations:
        if notation.lead.strip() and not notation.marker and not is_loose(notation.lead):
            place: Place = "any" if is_anywhere(notation, dialect, reading) else "line"
            yield Mark((notation,), literal(notation.lead), place)
        elif not notation.lead.strip():
            yield from (Mark((notation,), atoms, "start") for atoms in named(notation, reading))


def is_anywhere(notation: Notation, dialect: Dialect, reading: Reading) -> bool:
    """Whether a call in this notation need not begin a line."""
    return dialect.joins(notation) or (notation.is_code and reading.names is not None)


def others(dialect: Dialect, reading: Reading) -> Sequence[Fence | Notation]:
    """The ways of other families that count as well."""
    if not reading.loose:
        return ()
    strays = dialect.strays if reading.free and reading.names is not None else ()
    return (*dialect.slips, *(each for each in strays if each not in dialect.notations))


def sure_marks(notations: Sequence[Notation], slips: Sequence[Fence | Notation] = ()) -> Iterator[Mark]:
    """The markers of these notations, each with all that it may announce; and the marks of other families."""
    own = announced(notations)
    for marker, each in own.items():
        yield Mark((*each, *(slip for slip in slips if slip.marker.startswith(marker))), literal(marker))
    others = [slip for slip in slips if not slip.marker.startswith(tuple(own))]
    yield from (Mark(each, literal(marker)) for marker, each in announced(others).items())


def named(notation: Notation, reading: Reading) -> Iterator[list[str]]:
    """The atoms of the beginnings of a notation whose calls begin with their name."""
    after = notation.after(0)
    opener = [SPACE, r"\{"] if notation.strokes[2] == Hole("arguments") else []
    names = [literal(name) for name in reading.names or ()]
    if reading.names is None or (reading.free and re.search(r"\w", after)):
        names.append([r"[\w.-]+"])
    yield from ([*name, SPACE, *literal(after), *opener] for name in names)
