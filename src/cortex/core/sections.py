"""Reads sections of calls: what a notation's marker, or the lead of a loose form, has announced. Never sees free text.

A Mismatch before a call has begun means that it was none. A call that has begun stays a call: cut off, it stays open.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from cortex.core.arguments.json import Json
from cortex.core.chat import Schema
from cortex.core.dialect import Notation
from cortex.core.drawing import Any, Hole
from cortex.core.events import CallBegin, CallDelta, CallEnd
from cortex.core.loose import BETWEEN, KEYS, Fence, Form
from cortex.core.scan import Cut, Mismatch, NeedText, Scanner, Steps, overlap

NAME = re.compile(r"[\w.:/-]+")
SCALAR = re.compile(r"[^\s,}\]]+")


class Sections:
    """`names` are the tools that may be called, with their schemas; None: any name is a tool's. `free`: so it is in
    the dialect's own sections; others need a known one. `keys` are those of a loose call's arguments. `slips`
    are what other families write."""

    def __init__(
        self,
        scan: Scanner,
        names: Mapping[str, Schema] | None,
        new_id: Callable[[str], str],
        *,
        free: bool = False,
        keys: Sequence[str] = KEYS,
        slips: Sequence[Fence | Notation] = (),
    ) -> None:
        self.scan, self.names, self.new_id, self.index = scan, names, new_id, 0
        self.free = free or names is None
        self.keys = keys
        self.closers = [slip.close for slip in slips if isinstance(slip, Fence)]
        self.inner = [slip for slip in slips if isinstance(slip, Notation)]
        self.named: tuple[str, str] | None = None  # name and id of a call that has not begun
        self.doubtful = False  # whether it takes arguments to make a call: any word may be a name, and any tag a mark

    def section(self, notation: Notation) -> Steps[None]:
        """The calls of one section, from its beginning."""
        yield from self.scan.expect(notation.begin)
        yield from self.call(notation)
        while (yield from self.ended(notation)) is None and (yield from self.another(notation)):
            pass

    def weak(self, notation: Notation) -> Steps[None]:
        """A section whose lead other texts have too: only known names count, if names are known at all."""
        free, self.free = self.free, self.names is None
        try:
            yield from self.section(notation)
        finally:
            self.free = free

    def another(self, notation: Notation) -> Steps[bool]:
        """Read a further call; whether there was one. A section that nothing closes ends where none comes."""
        begun = self.index
        if notation.separator is None and (not notation.end or not (yield from self.scan.peek(notation.opening))):
            return False  # where a section holds one call, models put others into it too
        separator = notation.separator or ""
        try:
            if separator.strip() and (yield from self.scan.maybe(separator)) is None:
                raise Mismatch
            yield from self.call(notation)
        except Mismatch as error:
            if notation.end or self.index > begun or isinstance(error, Cut):
                raise
            self.scan.rewind()
            return False
        return True

    def call(self, notation: Notation) -> Steps[None]:
        self.named = None
        try:
            yield from self.drawn(notation) if notation.members is None else self.members(*notation.members)
        except Cut:
            if self.named and (notation.marker or not notation.lead):  # a call, even if its arguments have not begun
                yield self.begin(*self.named)
            raise
        self.scan.commit()

    def ended(self, notation: Notation) -> Steps[str | None]:
        """What ends the section, if it comes next; a brace or bracket too much, as models write them, is none."""
        if notation.members and not notation.end.startswith("}"):
            yield from self.scan.maybe("}")
        end = yield from self.scan.maybe(notation.end)
        if end and end.strip() == "]":
            with suppress(Cut):
                yield from self.scan.maybe("]")
        return end

    # As it is drawn

    def drawn(self, notation: Notation) -> Steps[None]:
        name = said = ""
        literal: Callable[[str], Steps[object]] = self.scan.expect
        for at, stroke in enumerate(notation.strokes):
            after = notation.after(at)
            match stroke:
                case Hole("name"):
                    name = yield from self.name(after if isinstance(notation.strokes[at + 1], str) else "")
                case Hole("id"):
                    said = (yield from self.scan.before(after.strip())).strip()
                case Any():
                    yield from self.scan.before(after.strip())
                case Hole("number"):
                    named, self.named = self.named, None  # a call without its number has not begun
                    yield from self.scan.before(after.strip())
                    self.named = named
                case Hole():
                    yield from self.arguments(notation, name, said, after)
                    literal = self.scan.maybe  # nothing is lost where an end is missing
                case _:
                    yield from literal(stroke)

    def name(self, after: str) -> Steps[str]:
        if self.names is not None and not self.free:
            return self.known((yield from self.one_of(self.names)))
        if end := after.split():
            return self.known((yield from self.spelled(end[0])))
        yield from self.scan.space()
        name = yield from self.scan.matching(NAME)
        if not self.scan.text and name not in (self.names or ()) and self.may_go_on(name):
            raise Cut
        return self.known(name)

    def one_of(self, names: Collection[str]) -> Steps[str]:
        """One of these names, and not only the beginning of a word."""
        name = yield from self.scan.word(names)
        while not self.scan.text and not self.scan.ended:
            yield from self.scan.more()
        if re.match(r"\w", self.scan.text):
            raise Mismatch
        return name

    def spelled(self, end: str) -> Steps[str]:
        """A name up to this literal. One that is cut off counts as far as it came, unless it may be a known one's."""
        while (at := self.scan.text.find(end)) < 0:
            name = self.scan.text[: len(self.scan.text) - overlap(self.scan.text, end)].strip()
            if name and not NAME.fullmatch(name):
                raise Mismatch
            if self.scan.ended and name and (name in (self.names or ()) or not self.may_go_on(name)):
                self.scan.take(self.scan.text.index(name) + len(name))
                return name
            yield from self.scan.more()
        if not NAME.fullmatch(name := self.scan.text[:at].strip()):
            raise Mismatch
        self.scan.take(at)
        return name

    def may_go_on(self, name: str) -> bool:
        return any(known.startswith(name) for known in self.names or ())

    def known(self, name: object) -> str:
        """The name, if it can be a tool's."""
        if (
            isinstance(name, str)
            and name not in (self.names or ())
            and (bare := name.rpartition(".")[2]) in (self.names or ())
        ):
            name = bare  # models put the name of a tool set before it
        if not isinstance(name, str) or not (NAME.fullmatch(name) if self.free else name in (self.names or ())):
            raise Mismatch
        self.named = (name, "")
        return name

    def arguments(self, notation: Notation, name: str, said: str, after: str) -> Steps[None]:
        index, schema = self.index, (self.names or {}).get(name, {})
        way = notation.arguments
        if self.free and isinstance(way, Json):
            way = replace(way, mends=True)
        steps = way.read(self.scan, schema, after, lambda json: CallDelta(index, json))
        try:
            for step in steps:
                if self.index == index and not isinstance(step, NeedText):
                    if self.doubtful and step == CallDelta(index, "{}"):
                        raise Mismatch
                    yield self.begin(name, said)
                yield step
        except Mismatch:
            if self.index > index:  # what has been read stays the call's
                self.scan.commit()
            raise
        yield CallEnd(index)
        self.scan.commit()

    def begin(self, name: str, said: str = "") -> CallBegin:
        self.index, self.named = self.index + 1, None
        return CallBegin(self.index - 1, self.new_id(said), name)

    # As a JSON object

    def members(self, name_key: str, key: str, id_key: str) -> Steps[None]:
        """A call as an object, its members in any order; those that we do not know are passed over."""
        name, said, held, begun = "", "", "", self.index
        yield from self.scan.expect("{")
        while (yield from self.scan.maybe("}")) is None:
            found = json.loads((yield from self.value()))
            yield from self.scan.expect(":")
            if found == name_key:
                name = self.known(json.loads((yield from self.value())))
            elif found == id_key:
                said = str(json.loads((yield from self.value())))
            elif found not in (key, *KEYS):
                yield from self.value()
            elif name:
                yield from self.given(name, said)
                name = ""
            else:
                held = yield from self.value()
            yield from self.scan.maybe(",")
        if name:
            yield from self.late(name, said, held)
        elif self.index == begun:
            raise Mismatch

    def given(self, name: str, said: str) -> Steps[None]:
        """Arguments that follow their name: streamed as they come, if they are an object."""
        if (yield from self.scan.space()) == "{":
            yield from self.arguments(Notation("", arguments=Json()), name, said, "")
        else:
            yield from self.late(name, said, (yield from self.value()))

    def late(self, name: str, said: str, text: str) -> Steps[None]:
        """Arguments that have been read as a whole. As a string they are JSON in JSON."""
        value = json.loads(text or "{}")
        if isinstance(value, str):
            value = loads(value or "{}")
        if value is not None and not isinstance(value, dict):
            raise Mismatch
        call = self.begin(name, said)
        yield call
        yield CallDelta(call.index, json.dumps(value or {}, ensure_ascii=False))
        yield CallEnd(call.index)
        self.scan.commit()

    def value(self) -> Steps[str]:
        """Any JSON value, as text."""
        first = yield from self.scan.space()
        start = len(self.scan.seen)
        if first in '{["':
            for step in self.scan.json(lambda json: CallDelta(0, json)):
                if isinstance(step, NeedText):
                    yield step
        else:
            yield from self.scan.matching(SCALAR)
        text = self.scan.seen[start:]
        loads(text)
        return text

    # In loose JSON

    def loose(self, form: Form) -> Steps[None]:
        """What follows the lead of a loose form."""
        yield from self.loose_calls(form.between)
        for mark in (form.closer, form.fence[:3]):
            yield from self.scan.maybe(mark)

    def loose_calls(self, between: Sequence[str]) -> Steps[None]:
        """Loose calls, from the first one's name on, with one of these marks between them."""
        yield from self.loose_call()
        while (yield from self.scan.maybe(*(f'{mark}{{"name":"' for mark in between))) is not None:
            yield from self.loose_call()

    def loose_call(self) -> Steps[None]:
        """A loose call, from its name on."""
        name = (yield from self.scan.before('"')) if self.names is None else (yield from self.scan.word(self.names))
        yield from self.scan.expect('",')
        if (yield from self.scan.maybe(*(f'"{key}":' for key in self.keys))) is None:
            raise Mismatch
        yield from self.arguments(Notation("", arguments=Json()), name, "", "}")
        yield from self.scan.expect("}")
        self.scan.commit()

    # Of other families

    def slip(self, slip: Fence | Notation) -> Steps[None]:
        """A section as another family writes it: only known names count, if names are known at all."""
        free, self.free = self.free, self.names is None
        self.doubtful = self.free and isinstance(slip, Notation)
        try:
            yield from self.fenced(slip, free=free) if isinstance(slip, Fence) else self.section(slip)
        finally:
            self.free, self.doubtful = free, False

    def fenced(self, fence: Fence, *, free: bool) -> Steps[None]:
        yield from self.scan.expect(fence.open)
        lead = yield from self.scan.peek(*(each.lead for each in self.inner))
        if lead is not None:
            yield from self.section(next(each for each in self.inner if each.lead == lead))
        else:
            yield from self.within(free=free)
        yield from self.scan.maybe(*self.closers)

    def within(self, *, free: bool) -> Steps[None]:
        """One call in JSON or a list of them."""
        yield from self.scan.maybe("[")
        if free:
            yield from self.objects()
        else:
            yield from self.scan.expect('{"name":"')
            yield from self.loose_calls(BETWEEN)
        yield from self.scan.maybe("]")

    def objects(self) -> Steps[None]:
        """Calls as JSON objects, which no grammar held: their members come in any order."""
        yield from self.members("name", KEYS[0], "id")
        while (yield from self.scan.peek(*(f"{mark}{{" for mark in BETWEEN))) is not None:
            yield from self.scan.maybe(*filter(None, BETWEEN))
            yield from self.members("name", KEYS[0], "id")


def loads(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Mismatch from error
