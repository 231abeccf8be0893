"""Jinja that ends: a sandbox in which a template can neither run for ever nor fill the memory. Knows no chats.

A template comes with a model, so from strangers. Jinja's own sandbox keeps it from Python; what it may do is bounded
here: each turn of a loop, call and sum is paid from the rendering's budget, and no value grows past `LONGEST`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, Final

from jinja2 import Template, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import pass_context
from jinja2.visitor import NodeTransformer

STEPS: Final = 12_000_000  # a few seconds of work at most
CALL: Final = 8  # what a call costs: a macro takes that much longer than a turn of a loop
LONGEST: Final = 2**24  # characters of a text, items of a list
WIDEST: Final = 100_000  # what a filter may be told as a width or a count
BUDGET: Final = "«budget»"  # no name that a template can write
SIZED: Final = ("center", "indent", "batch", "slice", "round", "wordwrap", "join", "string")
WIDE: Final = re.compile(r"[%{][^%}\s]*?(?:\d{6,}|\*|\{)")  # in a format: a huge width, or one out of the values


class Budget:
    """What one rendering may still do."""

    def __init__(self) -> None:
        self.left = STEPS

    def spend(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left < 0:
            raise SecurityError("the template does not come to an end")


class Meter(Extension):
    """What the marks of `Metered` call."""

    def turn(self, context: Context) -> None:
        budget(context).spend()

    def joined(self, context: Context, text: str) -> str:
        budget(context).spend()
        paid(context, text)
        return text


class Metered(NodeTransformer):
    """Puts a mark into every loop and around every `~`."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def visit_For(self, loop: nodes.For) -> nodes.Node:
        self.generic_visit(loop)
        turn = self.meter.call_method("turn", [nodes.ContextReference()], lineno=loop.lineno)
        loop.body.insert(0, nodes.ExprStmt(turn, lineno=loop.lineno))
        return loop

    def visit_Concat(self, concat: nodes.Concat) -> nodes.Node:
        self.generic_visit(concat)
        return self.meter.call_method("joined", [nodes.ContextReference(), concat], lineno=concat.lineno)


class Sandbox(SandboxedEnvironment):
    """Lists and dictionaries may be changed (Kimi K2's template does): whoever renders gives copies away."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, *extensions: type[Extension]) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[*extensions, Meter], finalize=small)
        self.concat = joined  # type: ignore[method-assign] # what Jinja builds every block's text with
        self.globals["range"] = counted_range
        del self.globals["lipsum"]
        self.filters |= {name: narrow(self.filters[name]) for name in SIZED}
        self.filters["format"] = lambda text, *args, **named: formatted(str(text), named or args)

    def compiled(self, source: str) -> Template:
        tree = Metered(Meter(self)).visit(self.parse(source))
        return Template.from_code(self, self.compile(tree), self.make_globals(None))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        budget(context).spend()
        if operator != "+":
            if operator == "%" and isinstance(left, str):
                return formatted(left, right)
            within(product(operator, left, right))
        return paid(context, super().call_binop(context, operator, left, right))

    def call(__self, __context: Context, __obj: Any, *args: Any, **named: Any) -> Any:
        budget(__context).spend(CALL)
        if isinstance(owner := getattr(__obj, "__self__", None), str):
            within(grown(owner, __obj.__name__, args))
        return paid(__context, super().call(__context, __obj, *args, **named))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None and WIDE.search(value.__self__):
            raise SecurityError("the template formats a value too wide")
        return wrapped


def budget(context: Context) -> Budget:
    found: Budget = context.parent[BUDGET]
    return found


def product(operator: str, left: Any, right: Any) -> int:
    """About how long the value of this operation is."""
    match operator, left, right:
        case "*", (str() | list() | tuple()), int():
            return len(left) * right
        case "*", int(), (str() | list() | tuple()):
            return left * len(right)
        case "**", int(), int():
            return left.bit_length() * right
    return 0


def within(size: float) -> None:
    if size > LONGEST:
        raise SecurityError("the template makes a value that is too large")


def paid(context: Context, value: Any) -> Any:
    """The value, once the work that it took has been paid."""
    size = len(value) if isinstance(value, str | list | tuple) else 0
    if size > 256:
        within(size)
        budget(context).spend(size // 256)
    return value


def grown(text: str, method: str, args: Sequence[Any]) -> int:
    """The most characters that a method of a text gives."""
    match method, args:
        case "replace", (str() as old, str() as new, *_):
            return len(text) + text.count(old) * len(new)
        case "join", (list() | tuple() as items,):
            return weight(items) + len(text) * len(items)
        case _:
            return max((arg for arg in args if isinstance(arg, int)), default=0)


def weight(value: Any) -> int:
    """About how long the value, which is no text, is as text. Nested lists may share their parts, and be huge."""
    if not isinstance(value, dict | list | tuple):
        return 1
    total = 2
    for part in (*value, *value.values()) if isinstance(value, dict) else value:
        total += len(part) if isinstance(part, str) else weight(part)
        if total > LONGEST:
            within(total)
    return total


def small(value: Any) -> Any:
    """The value, if it can be written as text."""
    if not isinstance(value, str):
        within(weight(value))
    return value


def formatted(text: str, values: Any) -> str:
    if WIDE.search(text):
        raise SecurityError("the template formats a value too wide")
    made: str = text % values
    return made


def joined(parts: Iterable[str]) -> str:
    kept, total = [], 0
    for part in parts:
        total += len(part)
        within(total)
        kept.append(part)
    return "".join(kept)


def narrow(filter: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, which refuses huge values, widths and counts."""

    @wraps(filter)
    def call(*args: Any, **named: Any) -> Any:
        for arg in args:
            small(arg)
        if any(isinstance(size, int) and abs(size) > WIDEST for size in (*args[1:], *named.values())):
            raise SecurityError("the template makes a value that is too large")
        return filter(*args, **named)

    return call


@pass_context
def counted_range(context: Context, *args: int) -> range:
    made = range(*args)
    budget(context).spend(len(made))
    return made
