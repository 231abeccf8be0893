"""Arguments as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cortex.core.arguments.mended import Mended
from cortex.core.chat import Schema
from cortex.core.lark import Lark
from cortex.core.place import Gap
from cortex.core.scan import Emit, Mismatch, Scanner, Steps
from cortex.core.shapes import shaped


@dataclass(frozen=True, slots=True)
class Json:
    """`indent`: written over several lines, which all begin with `margin` spaces more. Read either way. `mends`: texts
    that the schema takes for something else are read as that."""

    indent: int | None = None
    margin: int = 0
    mends: bool = False

    def write(self, arguments: Mapping[str, Any] | str) -> str:
        if isinstance(arguments, str):
            return arguments
        text = json.dumps(arguments, ensure_ascii=False, indent=self.indent)
        return text.replace("\n", "\n" + self.margin * " ")

    def lark(self, out: Lark, schema: Schema, *, lenient: bool) -> str:
        return shaped(out, schema, lenient=lenient, lines=self.indent is not None)

    def read(self, scan: Scanner, schema: Schema, after: str, emit: Emit) -> Steps[None]:
        if (yield from scan.space()) != "{":
            raise Mismatch
        while not (rest := scan.text[1:].lstrip()):
            yield from scan.more()
        if rest[0] not in '"}':
            raise Mismatch
        mended = Mended(schema)
        yield from scan.json((lambda text: emit(mended.feed(text))) if self.mends else emit)

    def gaps(self, schema: Schema) -> tuple[Gap, ...]:
        return ()


def dump(value: object) -> str:
    """JSON as models write it; text stays as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
