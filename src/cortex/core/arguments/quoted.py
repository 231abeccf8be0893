"""Values of which some texts stand between marks, as in a CDATA section. Never knows how the others are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cortex.core.arguments.kinds import narrow
from cortex.core.arguments.raw import Raw
from cortex.core.chat import Schema
from cortex.core.lark import Lark
from cortex.core.members import may_be_text
from cortex.core.place import Gap
from cortex.core.scan import Emit, Scanner, Steps


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text that holds one of the characters `special` stands between `open` and `close`; it may in any case."""

    open: str
    close: str
    special: str
    values: Raw = field(default_factory=Raw)

    def write(self, value: Any) -> str:
        written = self.values.write(value)
        is_special = isinstance(value, str) and any(char in value for char in self.special)
        return f"{self.open}{written}{self.close}" if is_special else written

    def lark(self, out: Lark, schema: Schema, after: str, *, lenient: bool) -> str:
        plain = replace(self.values, stops=(*self.values.stops, self.open)).lark(out, schema, after, lenient=lenient)
        if not may_be_text(schema):
            return plain
        inner = self.values.lark(out, narrow(schema, {"string"}), self.close + after, lenient=lenient)
        return out.rule(f"{plain} | {out.text(self.open)} {inner}")

    def gaps(self, schema: Schema) -> Sequence[Gap]:
        return self.values.gaps(schema)

    def read(self, scan: Scanner, schema: Schema, after: str, emit: Emit) -> Steps[None]:
        if (yield from scan.maybe(self.open)) is None:
            yield from self.values.read(scan, schema, after, emit)
        else:
            inner = narrow(schema, {"string"}) if may_be_text(schema) else schema
            yield from self.values.read(scan, inner, self.close + after, emit)
