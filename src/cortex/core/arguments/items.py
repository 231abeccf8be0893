"""Arguments one by one, each drawn as text with holes. Never knows how a value is written: that is its `values`'."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from cortex.core.arguments import Values
from cortex.core.arguments.ends import KEY
from cortex.core.arguments.json import Json
from cortex.core.arguments.kinds import narrow
from cortex.core.arguments.pairs import pairs
from cortex.core.arguments.raw import Raw
from cortex.core.chat import Schema
from cortex.core.defined.clash import Untold
from cortex.core.drawing import Hole, fill, strokes
from cortex.core.events import CallDelta
from cortex.core.lark import Lark, either, regex
from cortex.core.loose import KEYS
from cortex.core.members import KINDS, Members, kind, kinds, members
from cortex.core.place import Gap
from cortex.core.row import row
from cortex.core.scan import Cut, Emit, NeedText, Scanner, Steps
from cortex.core.shapes import shaped

WRAPPERS = (*KEYS, "properties")


@dataclass(frozen=True, slots=True)
class Items:
    """`item` draws one argument, with the holes «key» and «value»; `separator` stands between two of them.

    Where the family says of each value what it is, that is the hole «type», after the key: `types` has the word for
    each type of JSON (integers are numbers), and under "" the word for those that it does not list.
    `alphabetical`: in the order of their keys, else in the schema's.
    """

    item: str
    separator: str = ""
    values: Values = field(default_factory=Raw)
    types: Mapping[str, str] = field(default_factory=dict)
    alphabetical: bool = False

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """What stands before the key, after it, after the type ("" where there is none), and after the value."""
        return parted(self.item, bool(self.types))

    @property
    def way(self) -> tuple[Hashable, ...]:
        """Tells one way to write items from others."""
        return self.item, self.values, *self.types.items()

    def word(self, kind: str) -> str:
        """What the hole «type» says of values of this type."""
        return self.types.get(kind) or self.types.get("", "")

    def said(self, word: str) -> Collection[str]:
        """The types of which the hole «type» says this."""
        return [kind for kind in KINDS if self.word(kind) == word]

    def write(self, arguments: Mapping[str, Any] | str) -> str:
        if isinstance(arguments, str):
            return arguments
        return self.separator.join(self.one(key, value) for key, value in self.ordered(arguments))

    def ordered(self, pairs: Mapping[str, Any]) -> list[tuple[str, Any]]:
        return sorted(pairs.items(), key=lambda pair: pair[0].lower()) if self.alphabetical else list(pairs.items())

    def one(self, key: str, value: Any) -> str:
        values = {"key": self.spelled(key), "value": self.values.write(value), "type": self.word(kind(value))}
        return fill(self.item, values)

    # Grammar

    def lark(self, out: Lark, schema: Schema, *, lenient: bool) -> str:
        try:
            return self.listed(out, schema, lenient=lenient)
        except Untold:  # a text that may look like what closes it stands in JSON, which is read as well
            return shaped(out, schema, lenient=lenient)

    def listed(self, out: Lark, schema: Schema, *, lenient: bool) -> str:
        found = members(schema)
        empty, end = self.extra(out, found, lenient=lenient)
        each, made = dict(self.ordered(found.properties)), out.keep((), (*self.way, lenient), dict[Any, Any])

        def item(key: str, separator: str) -> str:
            place = separator, key, id(value := each[key])
            if place not in made:  # the same few items are in many tools; the value is kept, for its identity
                made[place] = value, self.one_of(out, key, value, separator, lenient=lenient)
            found: str = made[place][1]
            return found

        first, more = partial(item, separator=""), partial(item, separator=self.separator)
        return row(out, list(each), found.required, first, more, end=end, empty=empty)

    def gaps(self, schema: Schema) -> list[Gap]:
        """What of this schema is not enforced where arguments are written so."""
        found = members(schema)
        within = [(key, gap) for key, value in found.properties.items() for gap in self.values.gaps(value)]
        return [*found.gaps, *(Gap(("properties", key, *gap.path), gap.reason) for key, gap in within)]

    def ways(self, out: Lark, schema: Schema, head: str, *, lenient: bool) -> Iterator[tuple[str, str]]:
        """What stands before a value, from this head on, and the rule of the values that may stand there."""
        made = out.keep((schema,), (*self.way, lenient), lambda: list(self.held(out, schema, lenient=lenient)))
        for middle, rule in made:  # the same few values are in many tools
            yield head + middle, rule

    def held(self, out: Lark, schema: Schema, *, lenient: bool) -> Iterator[tuple[str, str]]:
        """What stands between a key and its values, and the rule of the values that may stand there."""
        _, middle, rest, after = self.parts
        if not self.types:
            yield middle, self.values.lark(out, schema, after, lenient=lenient)
        for word in dict.fromkeys(self.types.values()):
            if kinds(schema) & set(self.said(word)):
                values = self.values.lark(out, narrow(schema, self.said(word)), after, lenient=lenient)
                yield middle + word + rest, values

    def one_of(self, out: Lark, key: str, schema: Schema, separator: str, *, lenient: bool) -> str:
        """One item; the separator before it is part of its first literal, since lexers do not go back."""
        ways = self.ways(out, schema, separator + self.parts[0] + self.spelled(key), lenient=lenient)
        each = [f"{out.text(head)} {rule}" for head, rule in ways]
        return each[0] if len(each) == 1 else f"( {' | '.join(each)} )"

    def extra(self, out: Lark, found: Members, *, lenient: bool) -> tuple[str, str]:
        """Rules of the members that the schema does not list: where they come first, and where they follow others."""
        if found.additional is None:
            return '""', ""
        barred = either(map(json.dumps, dict.fromkeys((*found.properties, *WRAPPERS)))) if found.properties else ""
        key = out.terminal(regex(KEY) + (f" & ~{barred.replace('|', ' | ')}" if barred else ""))
        ways = self.ways(out, found.additional, "", lenient=lenient)
        value = " | ".join(f"{out.text(head)} {rule}" for head, rule in ways)
        item = out.rule(f"{out.text(self.parts[0])} {key} ( {value} )")
        more = out.rule(f"( {out.text(self.separator + self.parts[0])} {key} ( {value} ) )*")
        return out.rule(f"( {item} {more} )?"), more

    def spelled(self, key: str) -> str:
        """The key as it is written."""
        return key

    # Reading

    def read(self, scan: Scanner, schema: Schema, after: str, emit: Emit) -> Steps[None]:
        if (yield from self.is_json(scan, after)):
            return (yield from Json().read(scan, schema, after, emit))
        known, opener = members(schema), "{"
        if (yield from self.is_other(scan, after)) and (text := (yield from pairs(scan, known, after))):
            yield emit(text)
            return
        while (yield from self.another(scan, after)):
            head = yield from self.head(scan, after)
            if head is None:
                continue
            key, wanted = head
            if opener == "{" and is_wrapper(key, known):
                text = yield from self.wrapped(scan)
                if holds(text, known):
                    yield emit(text)
                    return
                yield emit(f"{opener}{json.dumps(key, ensure_ascii=False)}: {text}")
                yield from scan.maybe(self.separator)
                opener = ", "
                continue
            yield emit(f"{opener}{json.dumps(key, ensure_ascii=False)}: ")
            yield from self.value(scan, told(known.properties.get(key, known.additional or {}), wanted), emit)
            yield from scan.maybe(self.separator)
            opener = ", "
        yield emit("{}" if opener == "{" else "}")

    def is_json(self, scan: Scanner, after: str) -> Steps[bool]:
        """Whether an object in JSON comes instead of the items: what models slip into that know other notations too."""
        before = self.parts[0].strip()
        return bool(before) and (yield from scan.peek(before, after, "{")) == "{"

    def is_other(self, scan: Scanner, after: str) -> Steps[bool]:
        """Whether neither an item nor the end of them comes."""
        before = self.parts[0].strip()
        return bool(before and after.strip()) and (yield from scan.peek(before, after, r"\n")) is None

    def another(self, scan: Scanner, after: str) -> Steps[bool]:
        """Whether a further item comes, and not the end of them."""
        before = self.parts[0].strip()
        yield from newlines(scan, before)
        found = yield from scan.peek(before, after)
        if found is None and after.strip() and scan.ended and not scan.text.strip():
            raise Cut
        return found == before if before else found is None

    def head(self, scan: Scanner, after: str) -> Steps[tuple[str, Collection[str]] | None]:
        """Read what stands before a value: its key, and the types that it is said to be of; none where it is not.

        None: a key without a value.
        """
        before, middle, rest, _ = self.parts
        yield from scan.expect(before)
        key = (yield from scan.before(*(marks(part)[0] for part in (middle, rest) if part))).strip()
        if not self.types:
            return (key, ()) if (yield from self.opens(scan, middle, after)) else None
        said = (yield from scan.maybe(middle)) is not None
        word = (yield from scan.before(rest.strip())).strip()
        yield from scan.expect(rest.rstrip())
        return key, self.said(word) if said else ()

    def opens(self, scan: Scanner, middle: str, after: str) -> Steps[bool]:
        """Read what stands between key and value, of which all but the first mark may be forgotten; whether a value
        follows, and not the end of the call or another key."""
        if (yield from scan.maybe(middle)) is not None:
            return True
        first, *others = marks(middle)
        yield from scan.expect(first)
        yield from newlines(scan, "".join(others))
        if (yield from scan.maybe("".join(others))) is not None:
            return True
        yield from scan.space()
        return (yield from scan.peek(after, self.parts[0])) is None

    def wrapped(self, scan: Scanner) -> Steps[str]:
        """A value that may be all the arguments, as JSON text."""
        text = ""
        for step in self.value(scan, {"type": "object"}, lambda json: CallDelta(0, json)):
            match step:
                case CallDelta():
                    text += step.json
                case NeedText():
                    yield step
        return text

    def value(self, scan: Scanner, schema: Schema, emit: Emit) -> Steps[None]:
        _, middle, rest, after = self.parts
        if (rest or middle).endswith("\n"):
            yield from scan.optional("\n")
        yield from self.values.read(scan, schema, after, emit)


def is_wrapper(key: str, known: Members) -> bool:
    """Whether models are known to put all the arguments under this key, where no argument has it."""
    return key in WRAPPERS and bool(known.properties) and key not in known.properties


def holds(text: str, known: Members) -> bool:
    """Whether this JSON is an object of known members."""
    value = json.loads(text)
    return isinstance(value, dict) and value.keys() <= known.properties.keys()


def newlines(scan: Scanner, mark: str) -> Steps[None]:
    r"""Pass over new lines that a model wrote as \n before a mark."""
    while mark and (yield from scan.maybe(r"\n")) is not None:
        pass


def marks(literal: str) -> Sequence[str]:
    """The marks that a literal consists of: its tags, and what stands between them."""
    return re.findall(r"<[^<>]*>|[^<\s]+", literal)


def told(schema: Schema, wanted: Collection[str]) -> Schema:
    """The schema for a value that is said to be of one of these types; where it knows none of them, as it is."""
    return narrow(schema, wanted) if kinds(schema) & set(wanted) else schema


@lru_cache(maxsize=256)
def parted(item: str, typed: bool) -> tuple[str, str, str, str]:
    drawn = strokes(item)
    key, value = drawn.index(Hole("key")), drawn.index(Hole("value"))
    word = drawn.index(Hole("type")) if typed else value
    stretches = drawn[:key], drawn[key + 1 : word], drawn[word + 1 : value], drawn[value + 1 :]
    before, middle, rest, after = ("".join(map(str, stretch)) for stretch in stretches)
    return before, middle, rest, after
