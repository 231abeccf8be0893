"""Definitions as rules of our grammar: in quotes, with escapes, or raw. Never says what follows a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cortex.core.chat import Input
from cortex.core.defined.definition import START, Chunk, Item, Letter, Or, Ref, Seq, Times
from cortex.core.defined.letters import QUOTED, RAW, Style, pattern, times
from cortex.core.defined.source import read
from cortex.core.lark import Lark, slashed, without


def quoted(out: Lark, input: Input, quote: str = '"') -> str:
    """The rule of the text in these quotes: double ones as in JSON, single ones as in code."""
    style = QUOTED[quote]
    if chunk := read(input).chunk:
        return out.terminal(slashed(f"{quote}{pattern(chunk, style)}{quote}"))
    mark = out.text(quote)
    return out.rule(f"{mark} {Writer(out, input, style).rule(START)} {mark}")


def raw(out: Lark, input: Input, barred: Sequence[str]) -> str:
    """The rule of the text as it is, none of whose chunks matches a barred pattern."""
    return Writer(out, input, RAW, tuple(barred)).rule(START)


def verbatim(input: Input) -> str | None:
    """A pattern for the texts as they are; None where it takes more than one lexeme."""
    chunk = read(input).chunk
    return pattern(chunk, RAW) if chunk else None


@dataclass(frozen=True, slots=True)
class Writer:
    out: Lark
    input: Input
    style: Style
    barred: tuple[str, ...] = ()

    def rule(self, name: str) -> str:
        key = f"{name} {self.style.plain} {self.barred} {self.input}"
        return self.out.once(key, lambda: self.body(read(self.input).rules[name]))

    def body(self, item: Item) -> str:
        assert not isinstance(item, Letter)  # those are in chunks
        match item:
            case Chunk():
                return self.out.terminal(without(pattern(item, self.style), *self.barred))
            case Ref(name):
                return self.rule(name)
            case Seq(items):
                return " ".join(map(self.body, items))
            case Or(options):
                return f"( {' | '.join(map(self.body, options))} )"
            case Times(inner, least, most):
                return f"( {self.body(inner)} ){times(least, most)}"
