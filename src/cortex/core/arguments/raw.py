"""Values in the raw: text as it is, everything else as JSON. The schema says which of them a value is.

What a schema says nothing of is text, unless the family guesses. A text ends where its closing text stands, or, where
that was forgotten, at one of the `stops`; the grammar lets no text hold these.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cortex.core.arguments.containers import BEGINS, Transcript, begins, stream
from cortex.core.arguments.ends import Stops, atoms, barred, copy, ends, leading, whole
from cortex.core.arguments.json import dump
from cortex.core.arguments.kinds import narrow
from cortex.core.arguments.texts import allows, branches, gaps, is_listed, is_open, typed, ways
from cortex.core.chat import Input, Schema
from cortex.core.custom import follows
from cortex.core.defined.clash import Untold, confused
from cortex.core.defined.write import raw, verbatim
from cortex.core.find import Finder
from cortex.core.lark import ANY, Lark, escape, quote
from cortex.core.members import KINDS, is_text, kinds, may_be_text
from cortex.core.place import Gap
from cortex.core.scan import Emit, Scanner, Steps

SPACE = r"[ \t\r\n]*"
LOOKS = {  # how values of other types look from their beginning
    "null": r"([nN]one|null).*",
    "boolean": r"([tT]rue|[fF]alse).*",
    "number": r"-?[0-9].*",
    "array": r'\[[ \t\r\n"{\[\]0-9tfn-].*',
    "object": r'\{[ \t\r\n"}].*',
}
CONTAINERS = frozenset({"array", "object"})
MAYBE = re.compile(r"\s*(-?[0-9.eE+-]*|[A-Za-z]{0,5})\s*")  # what may become a scalar
WORDS = {"null": (None,), "boolean": (True, False)}


@dataclass(frozen=True, slots=True)
class Raw:
    """`stops` are drawings of what ends a value whose closing text was forgotten. `words`: true, false and null are
    written as in Python, and `literals`: lists and objects too. Either way is read. `guess`: what the schema says
    nothing of is JSON where it is JSON."""

    stops: Stops = ()
    words: bool = False
    literals: bool = False
    guess: bool = False

    def told(self, schema: Schema) -> Schema:
        return {"type": sorted(KINDS)} if self.guess and is_open(schema) else schema

    def write(self, value: Any) -> str:
        if (self.words and value in (True, False, None)) or (self.literals and isinstance(value, list | dict)):
            return str(value)
        return dump(value)

    # Grammar

    def lark(self, out: Lark, schema: Schema, after: str, *, lenient: bool) -> str:
        schema = self.told(schema)
        found, left = worded(out, schema, after, self.stops)
        if left:
            words = map(quote, self.spelled(schema))
            values = " | ".join([out.json(narrow(schema, left), lenient=lenient), *words])
            found = [*found, f"( {values} ) {out.text(after)}"]
        return out.rule(" | ".join(found))

    def spelled(self, schema: Schema) -> Iterator[str]:
        """Python's words for values of this schema."""
        for name, values in WORDS.items() if self.words else ():
            yield from (str(value) for value in values if name in kinds(schema) and allows(schema, value))

    def gaps(self, schema: Schema) -> list[Gap]:
        """What of this schema is not enforced."""
        return gaps(schema)

    # Reading

    def read(self, scan: Scanner, schema: Schema, after: str, emit: Emit) -> Steps[None]:
        found, schema = ends(after, self.stops), self.told(schema)
        if (yield from is_words(scan, found, schema)):
            yield emit('"')
            yield from copy(scan, found, lambda chunk: emit(json.dumps(chunk, ensure_ascii=False)[1:-1]))
            yield emit('"')
        elif not may_be_text(schema) and (yield from begins(scan)):
            yield from stream(scan, emit, after.strip())
            yield from whole(scan, found)
        else:
            yield emit(typed((yield from value(scan, found, schema)), schema))


def worded(out: Lark, schema: Schema, after: str, stops: Stops = (), *more: str) -> tuple[list[str], frozenset[str]]:
    """The rule of the texts that follow the schema, with what follows them, if there are any; the types that are left.

    `more` are further patterns that the texts may not match.
    """
    if (input := follows(schema)) and verbatim(input) is None:
        return [ruled(out, input, after, stops)], frozenset()
    if is_open(schema):
        found, left = [[ANY]], frozenset[str]()
    else:
        found, left = ways(schema)
    bars = [*barred(after, stops, token=out.is_token(after.strip())), *more]
    if not all(map(is_listed, flat(schema))):  # of listed texts, those are left out that read as something else
        bars += [f"(?s:{SPACE}{LOOKS[kind]})" for kind in sorted(left)]
    return ([out.ending(after, found, *bars)] if found else []), left


def ruled(out: Lark, input: Input, after: str, stops: Stops) -> str:
    """The rule of a text that takes more than one lexeme, and of what follows it. Raises Untold."""
    token = out.is_token(after.strip())
    marks = tuple(mark for mark in (escape(after.strip()), *("".join(atoms(stop)) for stop in stops)) if mark)
    if confused(input, leading(after) if token else after, marks):
        raise Untold
    return f"{raw(out, input, list(barred(after, stops, token=True)))} {out.text(after)}"


def is_words(scan: Scanner, found: Finder, schema: Schema) -> Steps[bool]:
    """Whether a text comes that can be nothing else: known before all of it is there."""
    if is_open(schema):
        return True
    if not may_be_text(schema) or kinds(schema) & CONTAINERS or any(map(is_listed, flat(schema))):
        return False
    while not is_text(schema) and found.search(scan.text, fresh=False) is None:
        if not MAYBE.fullmatch(scan.text, 0, len(scan.text) - found.waiting(scan.text, fresh=False)):
            return True
        yield from scan.more()
    return is_text(schema)


def flat(schema: Schema) -> Iterator[Schema]:
    return (part for branch in branches(schema) for part in branch)


def value(scan: Scanner, found: Finder, schema: Schema) -> Steps[str]:
    """All of a value. In strings of JSON, what looks like its end is none."""
    text, mark = yield from whole(scan, found)
    while kinds(schema) & CONTAINERS and is_within_string(text):
        text += mark or scan.take(1)
        more, mark = yield from whole(scan, found)
        text += more
    return text


def is_within_string(text: str) -> bool:
    """Whether this beginning of an object or array in JSON ends within a string."""
    if not BEGINS.match(text):
        return False
    state = Transcript()
    state.run(text.lstrip(), "")
    return state.quote == '"'
