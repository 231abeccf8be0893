"""Arguments as elements within elements: objects and arrays are no JSON here. Never knows the call."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cortex.core.arguments.ends import KEY
from cortex.core.arguments.kinds import narrow
from cortex.core.arguments.raw import SPACE, worded
from cortex.core.arguments.shapes import ARRAYS, lost
from cortex.core.arguments.texts import typed
from cortex.core.chat import Schema
from cortex.core.drawing import fill, strokes
from cortex.core.lark import Lark, escape, regex
from cortex.core.members import Source, elements, is_text, kinds, members
from cortex.core.place import Gap
from cortex.core.scan import Cut, Emit, Scanner, Steps

SCALARS = frozenset({"null", "boolean", "number"})


@dataclass(slots=True)
class Open:
    """An element that has been opened: what it may hold, and what it holds so far, as keys and JSON texts."""

    schema: Schema
    key: str = ""
    inner: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Nested:
    """`element` draws one value with its key: «key», «value» and «key» again, with text before each.

    An object is the elements of its members, an array those of its items, all with the key `item`. Text stands as it
    is, numbers and the like as in JSON; a member that is null is left out.
    """

    element: str
    item: str = "item"

    @cached_property
    def parts(self) -> tuple[str, str, str, str]:
        """What stands before the key, after it, after the value, and after the key's return."""
        head, _, tail, _, shut, _, end = map(str, strokes(self.element))
        return head, tail, shut, end

    def gaps(self, schema: Schema) -> tuple[Gap, ...]:
        return tuple(dict.fromkeys(lost(schema, Source(schema), raw=True, arrays=(*ARRAYS, "prefixItems"))))

    # Writing

    def write(self, arguments: Mapping[str, Any] | str) -> str:
        return self.text(arguments)

    def text(self, value: Any) -> str:
        match value:
            case None:
                return ""
            case str():
                return value
            case Mapping():
                return self.elements((key, inner) for key, inner in value.items() if inner is not None)
            case list():
                return self.elements((self.item, inner) for inner in value)
        return json.dumps(value)

    def elements(self, pairs: Iterable[tuple[str, Any]]) -> str:
        return "".join(fill(self.element, {"key": key, "value": self.text(value)}) for key, value in pairs)

    # Grammar: the rule of a value ends with what follows it, up to the return of its key

    def lark(self, out: Lark, schema: Schema, *, lenient: bool) -> str:
        return self.object(out, schema, lenient=lenient)

    def value(self, out: Lark, schema: Schema, *, lenient: bool) -> str:
        return out.keep((schema,), (self.element, lenient), lambda: self.fresh(out, schema, lenient=lenient))

    def fresh(self, out: Lark, schema: Schema, *, lenient: bool) -> str:
        name = f"nested {self.element} {lenient} {json.dumps(schema)}"
        return out.once(name, lambda: " | ".join(self.ways(out, schema, lenient=lenient)))

    def ways(self, out: Lark, schema: Schema, *, lenient: bool) -> Iterator[str]:
        have, shut = kinds(schema), out.text(self.parts[2])
        left = have
        if "string" in have:
            found, left = self.words(out, schema)
            yield from found
        if scalars := left & SCALARS:
            yield f"{out.json(narrow(schema, scalars), lenient=lenient)} {shut}"
        if "object" in have:
            yield f"{self.object(out, narrow(schema, {'object'}), not_item='array' in have, lenient=lenient)} {shut}"
        if "array" in have:
            yield f"{self.array(out, narrow(schema, {'array'}), some='object' in have, lenient=lenient)} {shut}"

    def words(self, out: Lark, schema: Schema) -> tuple[list[str], frozenset[str]]:
        """The rule of text that reads as nothing else that may stand there; the types that are left."""
        element = f"(?s:{SPACE}{escape(self.parts[0])}[^/].*)"
        inner = [element] if kinds(schema) & {"object", "array"} else []
        return worded(out, schema, self.parts[2], (), *inner)

    def object(self, out: Lark, schema: Schema, *, not_item: bool = False, lenient: bool) -> str:
        """The members of an object, in the schema's order, and then others. `not_item`: none has the key of items."""
        found, taken = members(schema), {self.item} if not_item else set[str]()
        each = [
            self.one(out, key, value, required=key in found.required, lenient=lenient)
            for key, value in found.properties.items()
            if key not in taken
        ]
        if found.additional is not None:
            each.append(f"{self.other(out, found.additional, {*found.properties, *taken}, lenient=lenient)}*")
        return out.rule(" ".join(each) or '""')

    def one(self, out: Lark, key: str, schema: Schema, *, required: bool = True, lenient: bool) -> str:
        head, tail, _, end = self.parts
        value = self.value(out, schema, lenient=lenient)
        body = f"{out.text(head + key + tail)} {value} {out.text(key + end)}"
        return out.rule(body) if required else out.optional(body)

    def other(self, out: Lark, schema: Schema, taken: Iterable[str], *, lenient: bool) -> str:
        """A member that the schema does not list. Which key returns is not looked at."""
        head, tail, _, end = self.parts
        barred = " | ".join(f"/{escape(key)}/" for key in sorted(taken))
        key = out.terminal(regex(KEY) + (f" & ~({barred})" if barred else ""))
        value = self.value(out, schema, lenient=lenient)
        return out.rule(f"{out.text(head)} {key} {out.text(tail)} {value} {out.terminal(regex(KEY))} {out.text(end)}")

    def array(self, out: Lark, schema: Schema, *, some: bool, lenient: bool) -> str:
        """The items of an array; `some`: at least one, since an element without any is an empty object."""
        least, most = max(schema.get("minItems", 0), int(some)), schema.get("maxItems", "")
        return out.rule(f"{self.one(out, self.item, elements(schema), lenient=lenient)}{{{least},{most}}}")

    # Reading

    def read(self, scan: Scanner, schema: Schema, after: str, emit: Emit) -> Steps[None]:
        known, opener = members(schema), "{"
        while (yield from self.opens(scan)):
            key = yield from self.begin(scan)
            inner = known.properties.get(key, known.additional or {})
            yield emit(f"{opener}{json.dumps(key, ensure_ascii=False)}: ")
            if is_text(inner):
                yield from self.stream(scan, emit)
            else:
                yield emit((yield from self.tree(scan, inner)))
            yield from self.ended(scan)
            opener = ", "
        yield emit("{}" if opener == "{" else "}")

    def opens(self, scan: Scanner) -> Steps[bool]:
        """Whether an element comes next."""
        head, _, shut, _ = self.parts
        found = yield from scan.peek(shut, head)
        if found is None and scan.ended and not scan.text.strip():
            raise Cut
        return found == head

    def begin(self, scan: Scanner) -> Steps[str]:
        """Read the beginning of an element; its key."""
        head, tail, _, _ = self.parts
        yield from scan.expect(head)
        key = yield from scan.before(tail)
        yield from scan.expect(tail)
        return key.strip()

    def ended(self, scan: Scanner) -> Steps[None]:
        """Read the return of an element's key, whichever it is."""
        yield from scan.before(self.parts[3])
        yield from scan.expect(self.parts[3])

    def stream(self, scan: Scanner, emit: Emit) -> Steps[None]:
        yield emit('"')
        yield from scan.copy(lambda chunk: emit(json.dumps(chunk, ensure_ascii=False)[1:-1]), self.parts[2])
        yield emit('"')

    def tree(self, scan: Scanner, schema: Schema) -> Steps[str]:
        """A value as JSON text, however deep, up to the return of its key."""
        shut, stack = self.parts[2], [Open(schema)]
        while True:
            top = stack[-1]
            if not is_text(top.schema) and (yield from self.opens(scan)):
                key = yield from self.begin(scan)
                stack.append(Open(self.within(top.schema, key), key))
                continue
            words = yield from scan.before(shut)
            yield from scan.expect(shut)
            value = self.made(stack.pop(), words)
            if not stack:
                return value
            yield from self.ended(scan)
            stack[-1].inner.append((top.key, value))

    def within(self, schema: Schema, key: str) -> Schema:
        """What a part of such a value may hold."""
        if key == self.item and "array" in kinds(schema):
            return elements(schema)
        found = members(schema)
        return found.properties.get(key, found.additional or {})

    def made(self, element: Open, words: str) -> str:
        """The value of an element as JSON text. Where a key comes again, its values are an array."""
        have, inner = kinds(element.schema), element.inner
        if not inner and not words.strip() and "string" not in have:
            return next((empty for kind, empty in (("object", "{}"), ("array", "[]")) if kind in have), '""')
        if not inner:
            return typed(words, element.schema)
        if "array" in have and {key for key, _ in inner} == {self.item}:
            return f"[{', '.join(value for _, value in inner)}]"
        return f"{{{', '.join(f'{json.dumps(key, ensure_ascii=False)}: {value}' for key, value in gathered(inner))}}}"


def gathered(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    values: dict[str, list[str]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    for key, found in values.items():
        yield key, found[0] if len(found) == 1 else f"[{', '.join(found)}]"
