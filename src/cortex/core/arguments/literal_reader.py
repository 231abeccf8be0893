"""Literals -> JSON text, as they arrive, in any language that looks like Python, JSON or JavaScript. Never raises but
Mismatch and Cut, to its parser.

What is sure is read as it is: a text in quotes is a text. Where that leaves a choice, the schema decides: a word
without quotes is a text where a text may stand, and a number in quotes is a number where no text may.
Models often leave a quote inside a text unescaped. So a single quote mark ends a text only where something follows
that ends a value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cortex.core.arguments.shapes import List, list_of, only
from cortex.core.arguments.texts import typed
from cortex.core.chat import Schema
from cortex.core.events import CallDelta
from cortex.core.members import Members, kind, kinds, members
from cortex.core.scan import Cut, Emit, Mismatch, NeedText, Scanner, Steps

PLAIN = ('"""', "'''", '"', "'")  # the quotes in which a backslash escapes
ENDS = ",)]}"  # what may follow a value
BRACKETS = {"[": "]", "(": ")", "{": "}"}
POSITIONAL = "\"'[({+-.0123456789"  # how a value begins that stands where a keyword is due
WORD = re.compile(r"[^,)\]}\n]+")
KEY = re.compile(r"[^\s,:={}\[\]()\"']+")
WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?(0[xX][0-9a-fA-F]{1,32}|0|[1-9][0-9]{0,99}|[1-9][0-9]{0,2}(_[0-9]{3}){1,9})")
FLOAT = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|.)", re.DOTALL)
LENGTHS = {"x": 4, "u": 6, "U": 10, **dict.fromkeys("01234567", 4)}  # of escapes that are longer than two characters
ESCAPED = {**dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True)), **{char: char for char in "\\\"'/"}, "\n": ""}


@dataclass(slots=True)
class Inside:
    """A bracket that has been opened: what closes it, what it holds, how many so far. `sign` stands between key and
    value. What closes the outermost one may not be `ours` to read."""

    close: str
    holds: List | Members
    sign: str = ":"
    ours: bool = True
    count: int = 0

    @property
    def brackets(self) -> str:
        return "[]" if isinstance(self.holds, List) else "{}"


@dataclass(frozen=True, slots=True)
class Reader:
    """`quotes` are the notation's own, besides Python's."""

    scan: Scanner
    quotes: Sequence[str]
    emit: Emit

    def value(self, schema: Schema, after: str) -> Steps[None]:
        """One value, and the literal after it."""
        opened: list[Inside] = []
        yield from self.one(schema, opened, after.strip())
        yield from self.rest(opened)
        yield from self.scan.expect(after)

    def members(self, schema: Schema, sign: str, after: str) -> Steps[None]:
        """The members of an object without its brackets, up to this literal, which is left."""
        yield from self.rest([Inside(after, members(only(schema, "object")), sign, ours=False)])

    def rest(self, opened: list[Inside]) -> Steps[None]:
        """What is left of these brackets."""
        while opened:
            inside = opened[-1]
            if (yield from self.closes(inside)):
                opened.pop()
                yield self.emit(inside.brackets[inside.count > 0 :])
            else:
                yield from self.one((yield from self.head(inside)), opened)
            if opened:
                yield from self.scan.maybe(",")

    def closes(self, inside: Inside) -> Steps[bool]:
        found = yield from (self.scan.maybe if inside.ours else self.scan.peek)(inside.close)
        return found is not None

    def head(self, inside: Inside) -> Steps[Schema]:
        """What stands before the next value; the schema of that."""
        yield from self.scan.space()
        lead = ", " if inside.count else inside.brackets[0]
        if isinstance(inside.holds, List):
            schema = inside.holds.at(inside.count)
        else:
            key = yield from self.key(inside, inside.holds)
            schema = inside.holds.properties.get(key, inside.holds.additional or {})
            lead += f"{json.dumps(key, ensure_ascii=False)}: "
        inside.count += 1
        yield self.emit(lead)
        return schema

    # Keys

    def key(self, inside: Inside, known: Members) -> Steps[str]:
        """A key and the sign after it. A value that comes without its keyword is the next one in the schema's order."""
        scan, sign = self.scan, inside.sign
        odd = (name + sign for name in known.properties if not KEY.fullmatch(name) or name[0] in POSITIONAL)
        if (found := (yield from scan.maybe(*odd))) is not None:
            return found[: -len(sign)]
        if sign == "=" and scan.text[0] in POSITIONAL:
            return positional(inside.count, known)
        if (quote := (yield from self.quote())) is not None:
            key = yield from self.collected(quote, sign)
        else:
            key = yield from scan.matching(KEY)
        yield from scan.expect(sign)
        return key

    # Values

    def one(self, schema: Schema, opened: list[Inside], after: str = "") -> Steps[None]:
        """A value, or the bracket that opens it."""
        first = yield from self.scan.space()
        if first in BRACKETS:
            self.scan.take(1)
            opened.append(Inside(BRACKETS[first], held(first, schema)))
        elif (quote := (yield from self.quote())) is None:
            yield from self.word(schema, after)
        elif "string" in kinds(schema):
            yield self.emit('"')
            yield from self.text(quote, ENDS + after[:1], self.emit)
            yield self.emit('"')
        else:
            text = yield from self.collected(quote, ENDS + after[:1])
            yield self.emit(typed(text, schema))

    def word(self, schema: Schema, after: str) -> Steps[None]:
        """A value without quotes. One that the text ends in may not be whole."""
        word = yield from (self.scan.before(after) if after else self.scan.matching(WORD))
        if self.scan.ended and not self.scan.text:
            raise Cut
        yield self.emit(meant(word.strip(), schema))

    # Texts

    def quote(self) -> Steps[str | None]:
        """The mark that opens a text, if one comes next."""
        return (yield from self.scan.maybe(*(quote for quote in self.quotes if quote not in PLAIN), *PLAIN))

    def collected(self, quote: str, ends: str) -> Steps[str]:
        """The rest of a text, as a whole."""
        parts: list[str] = []

        def keep(json: str) -> CallDelta:
            parts.append(json)
            return CallDelta(0, json)

        for step in self.text(quote, ends, keep):
            if isinstance(step, NeedText):
                yield step
        text: str = json.loads(f'"{"".join(parts)}"')
        return text

    def text(self, quote: str, ends: str, emit: Emit) -> Steps[None]:
        """The rest of a text, up to and with the quote that ends it: one that one of `ends` follows."""
        scan = self.scan
        if quote not in PLAIN:
            yield from scan.copy(lambda chunk: emit(inner(chunk)), quote)
            return
        special = re.compile(rf"[\\{quote[0]}]")
        while True:
            found = special.search(scan.text)
            if ready := found.start() if found else len(scan.text):
                yield emit(inner(scan.take(ready)))
            if not found:
                yield from scan.more()
            elif found[0] == "\\":
                yield from self.escape(emit)
            elif (yield from self.shuts(quote, ends)):
                scan.take(len(quote))
                return
            else:
                yield emit(inner(scan.take(1)))

    def shuts(self, quote: str, ends: str) -> Steps[bool]:
        """Whether the quote that comes next ends the text."""
        scan = self.scan
        if len(quote) > 1:
            while len(scan.text) < len(quote) and quote.startswith(scan.text):
                yield from scan.more()
            return scan.text.startswith(quote)
        while not (rest := scan.text[1:].lstrip()) and not scan.ended:
            yield from scan.more()
        return not rest or rest[0] in ends

    def escape(self, emit: Emit) -> Steps[None]:
        scan = self.scan
        while len(scan.text) < 2 or (len(scan.text) < LENGTHS.get(scan.text[1], 2) and not scan.ended):
            yield from scan.more()
        yield emit(unescaped((yield from scan.matching(ESCAPE))[1:]))


def held(bracket: str, schema: Schema) -> List | Members:
    """What may stand in this bracket."""
    return members(only(schema, "object")) if bracket == "{" else list_of(only(schema, "array"))


def positional(count: int, known: Members) -> str:
    """The name of the argument of this number."""
    names = list(known.properties)
    if count >= len(names):
        raise Mismatch
    return names[count]


def inner(text: str) -> str:
    """The text as it stands in JSON, without its quotes."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def unescaped(code: str) -> str:
    """What a backslash and this mean, as it stands in JSON. What is no escape stands for itself."""
    if len(code) == 5 and code[0] == "u":
        return f"\\{code}"
    number = -1
    if code[0] in "01234567":
        number = int(code, 8)
    elif len(code) > 1:
        number = int(code[1:], 16)
    if 0 <= number < 0x110000 and not 0xD800 <= number < 0xE000:
        return inner(chr(number))
    return inner(ESCAPED.get(code, f"\\{code}"))


def meant(word: str, schema: Schema) -> str:
    """A word without quotes as JSON: what the schema allows, if it can be that."""
    natural, have = constant(word), kinds(schema)
    if natural is not None and (natural[0] in have or "string" not in have):
        return natural[1]
    return json.dumps(word, ensure_ascii=False)


def constant(word: str) -> tuple[str, str] | None:
    """The type of this word, if it is true, false, null or a number, and the word as JSON."""
    if word in WORDS:
        return kind(WORDS[word]), json.dumps(WORDS[word])
    if JSON_NUMBER.fullmatch(word):
        return "number", word
    if WHOLE.fullmatch(word):
        return "number", str(int(word, 0))
    if FLOAT.fullmatch(word) and math.isfinite(float(word)):
        return "number", json.dumps(float(word))
    return None
