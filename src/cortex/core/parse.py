"""Model text -> events, incrementally. No I/O, no model; never raises on what a model says.

What is not a call stays text, unchanged, except white space between text and a call. A call that has begun stays a
call: cut off, it stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from cortex.core.dialect import Dialect
from cortex.core.events import CallBegin, CallDelta, CallEnd, Event, Reasoning, Text
from cortex.core.find import Finder
from cortex.core.grammar import Thought
from cortex.core.loose import FORMS, KEYS, Form, is_loose
from cortex.core.scan import Cut, Mismatch, NeedText, Scanner, Steps


@dataclass(frozen=True, slots=True)
class Reading:
    """How a reply is to be read.

    `names` are the tools that may be called; without any, everything is text. `must`: the reply is calls and nothing
    else, so no text comes out of it. `loose`: calls in loose JSON count, whatever the dialect (not so where the answer
    itself may be JSON). `thought`: whether a thought cannot come, may begin the reply, or was opened by the prompt.
    """

    names: Collection[str] = ()
    must: bool = False
    loose: bool = True
    thought: Thought = "no"


class Parser:
    """Reads one reply; `new_id` makes the ids of its calls."""

    def __init__(self, dialect: Dialect, reading: Reading, new_id: Callable[[], str]) -> None:
        self.dialect, self.reading, self.new_id = dialect, reading, new_id
        own = dialect.begin + dialect.parts[0]
        self.marker = dialect.marker if reading.names and not is_loose(own) else ""
        self.opener, closer = dialect.reasoning
        forms = [form for form in FORMS if reading.names and (reading.loose or form.leads(own))]
        self.prose = Finder((self.marker,), forms)
        self.thought = Finder((closer,), ())
        self.scan, self.index, self.fresh = Scanner(), 0, True
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
        if (yield from self.thinks()):
            yield from self.copy(Reasoning, self.thought)
            self.fresh = True
        while (found := (yield from self.copy(Text, self.prose))) is not None:
            yield from self.calls(found)

    def thinks(self) -> Steps[bool]:
        """Whether the reply begins in a thought; anywhere later, the mark of one is text."""
        if self.reading.thought != "may":
            return self.reading.thought == "open"
        try:
            return (yield from self.scan.maybe(self.opener)) is not None
        except Cut:
            return False

    def copy(self, make: type[Text] | type[Reasoning], finder: Finder) -> Steps[str | Form | None]:
        """Emit text up to what the finder finds, less the white space before it; consume and return that."""
        scan = self.scan
        while True:
            scan.commit()
            if found := finder.search(scan.text, fresh=self.fresh):
                if text := scan.text[: found.start].rstrip():
                    yield from self.emit(make, scan.take(len(text)))
                    scan.commit()
                scan.take(found.end - len(text))
                return found.what
            if scan.ended:
                if scan.text.strip() or not self.index:  # white space after calls is nothing
                    yield from self.emit(make, scan.take(len(scan.text)))
                return None
            wait = finder.waiting(scan.text, fresh=self.fresh)
            if ready := scan.text[: len(scan.text) - wait].rstrip():
                yield from self.emit(make, scan.take(len(ready)))
            yield from scan.more()

    def emit(self, make: type[Text] | type[Reasoning], text: str) -> Steps[None]:
        self.fresh = False
        if text and (make is Reasoning or not self.reading.must):
            yield make(text)

    def calls(self, found: str | Form) -> Steps[None]:
        """The calls of one section; what turns out not to be a call is text after all."""
        begun, self.fresh = self.index, False
        try:
            yield from self.loose(found) if isinstance(found, Form) else self.section()
        except Cut:  # inside its calls, what is left of a reply is their markup; a lead alone may be text
            if isinstance(found, Form) and self.index == begun:
                yield from self.emit(Text, self.scan.seen + self.scan.text)
            self.scan.text = ""
        except Mismatch:
            yield from self.emit(Text, self.scan.seen)
        self.scan.commit()

    def section(self) -> Steps[None]:
        """What follows the marker of the dialect's own notation."""
        scan, dialect = self.scan, self.dialect
        before, between, after = dialect.parts
        yield from scan.expect(dialect.begin.partition(self.marker)[2])
        while True:
            yield from scan.expect(before)
            yield from self.call(between, after)
            if dialect.separator is None:
                return (yield from scan.expect(dialect.end))
            if (yield from scan.maybe(dialect.end, dialect.separator)) != dialect.separator:
                return None

    def loose(self, form: Form) -> Steps[None]:
        """What follows the lead of a loose form."""
        scan = self.scan
        yield from self.call('",', "}", *KEYS)
        while form.separator is not None and (yield from scan.maybe(form.separator + '{"name":"')) is not None:
            yield from self.call('",', "}", *KEYS)
        for mark in (form.closer, form.fence[:3]):
            yield from scan.maybe(mark)

    def call(self, between: str, after: str, *keys: str) -> Steps[None]:
        """One call, from its name on; with `keys`, one of them stands before the arguments."""
        scan, index = self.scan, self.index
        name = yield from scan.word(self.reading.names)
        yield from scan.expect(between)
        if keys and (yield from scan.maybe(*(f'"{key}":' for key in keys))) is None:
            raise Mismatch
        yield from scan.ahead("{")
        self.index += 1  # from here on a call that is cut off stays open; it never becomes text
        yield CallBegin(index, self.new_id(), name)
        yield from scan.json(lambda json: CallDelta(index, json))
        yield CallEnd(index)
        scan.commit()
        yield from scan.expect(after)
        scan.commit()
