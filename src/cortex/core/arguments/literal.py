"""Values as literals of a programming language, or nearly: in a family's own quotes, words, keys and commas.

    {"city": "Paris", "days": [1, 2], "snow": True}           Python
    {city:<|"|>Paris<|"|>,days:[1,2],snow:true}               Gemma

Writes them, and says in a grammar which of them follow a schema. literal_reader.py reads them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cortex.core.arguments.items import Items
from cortex.core.arguments.kinds import narrow
from cortex.core.arguments.literal_reader import ENDS, PLAIN, Reader
from cortex.core.arguments.raw import worded
from cortex.core.arguments.shapes import List, alternatives, given, list_of, lost
from cortex.core.arguments.texts import bound, missing, ways
from cortex.core.chat import Input, Schema
from cortex.core.custom import follows
from cortex.core.defined.clash import confused_in_quotes
from cortex.core.defined.write import quoted
from cortex.core.lark import Lark, escape, regex, slashed, without
from cortex.core.members import Members as Found
from cortex.core.members import Source, kinds, members
from cortex.core.place import Gap
from cortex.core.scan import Emit, Scanner, Steps

RULED = frozenset({"pattern", "format", "allOf", "not", "if", "contentEncoding", "contentMediaType"})
# What a key may look like that the schema does not name. A bare one does not begin as a value does.
QUOTED = r'[^"\\\x00-\x1f]{1,64}'
BARE = r"[^\s,:=(){}\[\]\"'<+.0-9-][^\s,:=(){}\[\]\"'<]{0,63}"
CONTAINERS = frozenset({"array", "object"})
NOTHING = r"/[^\s\S]/"  # a rule that nothing follows
# What a text may hold: characters and escapes; and its own quote, where nothing comes after that ends a value.
CHARACTER = r"[^{quote}\\\x00-\x08\x0b\x0c\x0e-\x1f]|\\[{quote}\\bfnrt]|\\u00[01][0-9a-f]"
INNER = r"{quote}[ \t\r\n]*[^{quote}\\\s{ends}]"


@dataclass(frozen=True, slots=True)
class Members(Items):
    """The members of an object, or the arguments of a call, with keys in quotes or bare."""

    @property
    def quote(self) -> str:
        """The mark around a key; "" where it is bare."""
        return self.parts[0][-1:]

    def spelled(self, key: str) -> str:
        return json.dumps(key, ensure_ascii=False)[1:-1] if self.quote else key

    def lark(self, out: Lark, schema: Schema, *, lenient: bool) -> str:
        return self.listed(out, schema, lenient=lenient)  # here no JSON is read in place of the members

    def extra(self, out: Lark, found: Found, *, lenient: bool) -> tuple[str, str]:
        if found.additional is None:
            return '""', ""
        value = self.values.lark(out, found.additional, self.parts[3], lenient=lenient)
        first, further = (f"{self.unlisted(out, found.properties, before)} {value}" for before in ("", self.separator))
        more = out.rule(f"( {further} )*")
        return out.rule(f"( {first} {more} )?"), more

    def unlisted(self, out: Lark, known: Collection[str], separator: str) -> str:
        """The terminal of a key that is not one of these, with what stands around it: one lexeme, like a known key."""
        before, middle, *_ = self.parts
        keys = (QUOTED if self.quote else BARE), *map(escape, map(self.spelled, known))
        other, *barred = (f"{escape(separator + before)}{key}{escape(middle)}" for key in keys)
        return out.terminal(without(other, *barred))


@dataclass(frozen=True, slots=True)
class Literal:
    """How values are written.

    `quotes` are the marks that may stand around a text; the first is what the family writes. In quotes of one character
    a backslash escapes, as in Python; in others the text stands as it is. `newline` is a new line in a text, as
    written. `words` are true, false and null. `member` draws one member of an object. `alphabetical`: members are
    written in the order of their keys, else in the schema's. `objects` says how objects are written where that differs.
    """

    quotes: Sequence[str] = ('"', "'")
    newline: str = r"\n"
    words: tuple[str, str, str] = ("True", "False", "None")
    member: str = '"«key»": «value»'
    comma: str = ", "
    alphabetical: bool = False
    objects: Literal | None = None

    @property
    def members(self) -> Items:
        return Members(self.member, self.comma, self, alphabetical=self.alphabetical)

    # Writing

    def write(self, value: Any) -> str:
        match value:
            case str():
                return self.quoted(value, self.quotes[0])
            case True | False | None:
                return self.words[(True, False, None).index(value)]
            case Mapping():
                return self.objects.write(value) if self.objects else f"{{{self.members.write(value)}}}"
            case list():
                return f"[{self.comma.join(map(self.write, value))}]"
        return json.dumps(value)

    def quoted(self, value: str, quote: str) -> str:
        """This text in these quotes."""
        if quote not in PLAIN:
            return f"{quote}{value}{quote}"
        spelled = {r"\n": self.newline, r"\"": '\\"' if quote == '"' else '"', "'": "\\'" if quote == "'" else "'"}
        inner = json.dumps(value, ensure_ascii=False)[1:-1]
        return quote + re.sub(r"\\.|'", lambda found: spelled.get(found[0], found[0]), inner) + quote

    # Grammar

    def lark(self, out: Lark, schema: Schema, after: str, *, lenient: bool) -> str:
        return f"{self.rule(out, schema, lenient=lenient)} {out.text(after)}"

    def rule(self, out: Lark, schema: Schema, *, lenient: bool) -> str:
        """The rule of the values of this schema, which may refer to itself."""
        return out.keep((schema,), (self.member, self.words, lenient), lambda: self.made(out, schema, lenient=lenient))

    def made(self, out: Lark, schema: Schema, *, lenient: bool) -> str:

        def body() -> str:
            return " | ".join(self.ways(out, schema, lenient=lenient)) or NOTHING

        if alternatives(schema) is None and not kinds(schema) & CONTAINERS:
            return out.rule(body())
        return out.once(f"literal {self.member}{self.words} {lenient} {json.dumps(schema)}", body)

    def ways(self, out: Lark, schema: Schema, *, lenient: bool) -> Iterator[str]:
        others = alternatives(schema)
        if others is not None:
            yield from (self.rule(out, other, lenient=lenient) for other in others)
            return
        values = given(schema)
        if values is not None:
            yield from (out.text(word) for value in values for word in self.spellings(value))
            return
        have = kinds(schema)
        if "string" in have:
            yield from self.texts(out, narrow(schema, {"string"}), lenient=lenient)
        if "number" in have:
            yield out.json(narrow(schema, {"number"}), lenient=lenient)
        yield from self.constants(out, have)
        if "array" in have:
            yield self.array(out, list_of(schema), lenient=lenient)
        if "object" in have:
            yield self.object(out, narrow(schema, {"object"}), lenient=lenient)

    def spellings(self, value: Any) -> Iterator[str]:
        yield from (
            (self.quoted(value, quote) for quote in self.quotes) if isinstance(value, str) else [self.write(value)]
        )

    def constants(self, out: Lark, have: frozenset[str]) -> Iterator[str]:
        yes, no, null = map(out.text, self.words)
        if "boolean" in have:
            yield f"{yes} | {no}"
        if "null" in have:
            yield null

    def texts(self, out: Lark, schema: Schema, *, lenient: bool) -> Iterator[str]:
        """Texts in any of the quotes. Where the schema asks for more than a length, those in double quotes are JSON,
        and in single quotes nothing is escaped."""
        mark = self.quotes[0]
        if mark not in PLAIN:
            yield from (f"{out.text(mark)} {rest}" for rest in worded(out, schema, mark)[0])
        elif input := follows(schema):
            yield from (quoted(out, input, quote) for quote in "\"'" if may_quote(self.quotes, input, quote))
        elif schema.keys() & RULED:
            yield out.json(schema, lenient=lenient)
            if "'" in self.quotes and not any(missing((), schema)):
                yield from (out.terminal(verbatim(way, "'")) for way in ways(schema)[0])
        else:
            yield from (out.terminal(regex(pattern(schema, quote))) for quote in self.quotes)

    def array(self, out: Lark, shape: List, *, lenient: bool) -> str:
        comma = out.text(self.comma)
        if shape.rest is None:
            inner = '""'
        else:
            item = self.rule(out, shape.rest, lenient=lenient)
            inner = repeated(item, comma, shape)
        for number, schema in reversed(list(enumerate(shape.first))):
            item = self.rule(out, schema, lenient=lenient)
            inner = out.rule(f"{comma if number else ''} {item} {inner}")
            if number >= shape.least:
                inner = out.rule(f"( {inner} )?")
        return f'"[" {inner} "]"'

    def object(self, out: Lark, schema: Schema, *, lenient: bool) -> str:
        if self.objects:
            return self.objects.rule(out, schema, lenient=lenient)
        return f'"{{" {self.members.lark(out, schema, lenient=lenient)} "}}"'

    # Reading

    def read(self, scan: Scanner, schema: Schema, after: str, emit: Emit) -> Steps[None]:
        yield from Reader(scan, self.quotes, emit).value(schema, after)

    def gaps(self, schema: Schema) -> tuple[Gap, ...]:
        """What of this schema is not enforced."""
        return tuple(dict.fromkeys(lost(schema, Source(schema), raw=self.quotes[0] not in PLAIN)))


@dataclass(frozen=True, slots=True)
class Keywords:
    """Arguments one by one, as `item` draws them, with literals for values."""

    item: str = "«key»=«value»"
    values: Literal = field(default_factory=Literal)

    @property
    def items(self) -> Items:
        return Members(self.item, self.values.comma, self.values, alphabetical=self.values.alphabetical)

    def write(self, arguments: Mapping[str, Any] | str) -> str:
        return self.items.write(arguments)

    def lark(self, out: Lark, schema: Schema, *, lenient: bool) -> str:
        return self.items.lark(out, schema, lenient=lenient)

    def read(self, scan: Scanner, schema: Schema, after: str, emit: Emit) -> Steps[None]:
        sign = self.items.parts[1].strip()
        yield from Reader(scan, self.values.quotes, emit).members(schema, sign, after)

    def gaps(self, schema: Schema) -> tuple[Gap, ...]:
        """What of this schema is not enforced."""
        return tuple(dict.fromkeys((*members(schema).gaps, *self.values.gaps(schema))))


def pattern(schema: Schema, quote: str) -> str:
    """A regular expression for the texts of this schema in these quotes."""
    least, most = bound(schema, "minLength"), bound(schema, "maxLength")
    each = CHARACTER.format(quote=quote)
    if least is None and most is None:
        return f"{quote}({each}|{INNER.format(quote=quote, ends=re.escape(ENDS))})*{quote}"
    return f"{quote}({each}){{{least or 0},{'' if most is None else most}}}{quote}"


def may_quote(quotes: Sequence[str], input: Input, quote: str) -> bool:
    return quote in quotes and not confused_in_quotes(input, quote)


def verbatim(patterns: Iterable[str], quote: str) -> str:
    """The terminal of texts that match all of these patterns, in these quotes and without any escape."""
    plain = rf"[^{quote}\\\x00-\x1f\x7f]*"
    return " & ".join(slashed(f"{quote}({each}){quote}") for each in (plain, *patterns))


def repeated(item: str, comma: str, shape: List) -> str:
    """The items of an array after its first ones, with the commas before them."""
    count = len(shape.first)
    least, most = max(0, shape.least - count), None if shape.most is None else shape.most - count
    if most is not None and most <= 0:
        return '""'
    if count:
        return f"( {comma} {item} ){times(least, most)}"
    more = None if most is None else most - 1
    rest = "" if more == 0 else f"( {comma} {item} ){times(max(0, least - 1), more)}"
    return f"{item} {rest}" if least else f"( {item} {rest} )?"


def times(least: int, most: int | None) -> str:
    return f"{{{least},{'' if most is None else most}}}"


JSON = Literal(quotes=('"',), words=("true", "false", "null"))
