"""A client's definition as values: letters, what is made of them, and rules that lead back to themselves.

A lexer takes the longest lexeme and does not go back. So what need not be a rule is none: all that does not lead back
to itself becomes one regular expression, a chunk, as long as it can be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from cortex.core.regex import Chars, Unknown, member, plain

START = "start"
MOST = 100_000  # letters of a definition in which every rule stands where it is used


@dataclass(frozen=True, slots=True)
class Letter:
    """One character of these. `fold`: in upper or lower case."""

    chars: Chars
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Ref:
    """Another rule."""

    name: str


@dataclass(frozen=True, slots=True)
class Seq:
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    options: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """`least` to `most` (None: any number of) times."""

    item: Item
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is one lexeme: no rule is left in it."""

    item: Item


Item = Letter | Ref | Seq | Or | Times | Chunk


@dataclass(frozen=True, slots=True)
class Definition:
    """`rules` are `start`, which the text is, and those that lead back to themselves; in chunks, and rules between."""

    rules: Mapping[str, Item]

    @property
    def chunk(self) -> Chunk | None:
        """The whole definition, where it is no more than a regular expression."""
        start = self.rules[START]
        return start if isinstance(start, Chunk) else None


def definition(rules: Mapping[str, Item]) -> Definition:
    """Raises Unknown where it is too large."""
    kept = {name for name in rules if name in reached(rules[name], rules)}
    if sizes(rules, kept)[START] > MOST:
        raise Unknown("a definition of this size")
    needed = {START, *(kept & reached(rules[START], rules))}
    return Definition({name: chunked(inlined(rules[name], rules, kept)) for name in sorted(needed)})


def literal(text: str, *, fold: bool = False) -> Item:
    return Seq(tuple(Letter(Chars((member(plain(char)),)), fold) for char in text))


def parts(item: Item) -> tuple[Item, ...]:
    match item:
        case Seq(items) | Or(items):
            return items
        case Times(inner) | Chunk(inner):
            return (inner,)
        case Letter() | Ref():
            return ()


def letters(found: Definition) -> Iterator[Letter]:
    todo = list(found.rules.values())
    while todo:
        if isinstance(item := todo.pop(), Letter):
            yield item
        todo += parts(item)


def refs(item: Item) -> Iterator[str]:
    if isinstance(item, Ref):
        yield item.name
    for part in parts(item):
        yield from refs(part)


def reached(item: Item, rules: Mapping[str, Item]) -> set[str]:
    """The rules that this leads to."""
    found: set[str] = set()
    todo = list(refs(item))
    while todo:
        if (name := todo.pop()) not in found:
            found.add(name)
            todo += refs(rules[name])
    return found


def sizes(rules: Mapping[str, Item], kept: set[str]) -> Mapping[str, int]:
    """How many letters each rule has, once the others stand in it."""
    found: dict[str, int] = {}

    def size(item: Item) -> int:
        match item:
            case Ref(name) if name not in kept:
                if name not in found:
                    found[name] = size(rules[name])
                return found[name]
            case Times(inner, least, most):
                return size(inner) * max(1, most or least)
        return 1 + sum(map(size, parts(item)))

    total = sum(size(rules[name]) for name in {START, *kept})
    return {**found, START: total}


def inlined(item: Item, rules: Mapping[str, Item], kept: set[str]) -> Item:
    """The item with every rule in its place, but those that lead back to themselves."""
    match item:
        case Ref(name):
            return item if name in kept else inlined(rules[name], rules, kept)
        case Seq(items):
            return Seq(tuple(inlined(part, rules, kept) for part in items))
        case Or(options):
            return Or(tuple(inlined(part, rules, kept) for part in options))
        case Times(inner, least, most):
            return Times(inlined(inner, rules, kept), least, most)
    return item


def is_flat(item: Item) -> bool:
    return next(refs(item), None) is None


def chunked(item: Item) -> Item:
    """The item as chunks, each as long as it can be."""
    match item:
        case _ if is_flat(item):
            return Chunk(item)
        case Seq():
            runs = [(flat, tuple(run)) for flat, run in groupby(flattened(item), is_flat)]
            each = ([Chunk(Seq(run))] if flat else map(chunked, run) for flat, run in runs)
            return Seq(tuple(part for run in each for part in run))
        case Or(options):
            flat = tuple(filter(is_flat, options))
            rest = (chunked(option) for option in options if not is_flat(option))
            return Or((*([Chunk(Or(flat))] if flat else []), *rest))
        case Times(inner, least, most):
            return Times(chunked(inner), least, most)
    return item


def flattened(item: Item) -> Iterator[Item]:
    """The items of a sequence, and of the sequences in it."""
    if isinstance(item, Seq):
        for part in item.items:
            yield from flattened(part)
    else:
        yield item
