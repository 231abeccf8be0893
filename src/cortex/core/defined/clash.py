"""What a lexer would confuse in a definition that is more than one lexeme. Never changes it.

A lexeme goes on as long as it can, and its lexer does not go back. In quotes many characters begin with the same
backslash: after a lexeme that may go on with one of them, another one cannot begin the next lexeme. Where texts stand
raw, what closes them must not arise in them from several lexemes, nor be taken for more of the last one.

A definition is looked at as the places of its letters, and which may follow which (Glushkov's automaton). A rule is one
place for all that use it, so more may seem to follow than does: what is found here is a doubt, not a proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from cortex.core.chat import Input
from cortex.core.defined.definition import START, Chunk, Item, Letter, Or, Ref, Seq, Times, literal
from cortex.core.defined.letters import QUOTED, holds, meet
from cortex.core.defined.source import expression, read

Spot = tuple[str | int, ...]  # the place of a letter: its rule, and the way through it
CLOSE, MARK = "%close", "%mark"
MOST = 100_000  # pairs of places that are looked at


class Untold(ValueError):
    """A text that follows this definition cannot be told from what stands around it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where an item begins and ends, and whether it may be nothing."""

    empty: bool = False
    first: frozenset[Spot] = frozenset()
    last: frozenset[Spot] = frozenset()


@dataclass(frozen=True, slots=True)
class Net:
    """`within` and `across`: what may follow a place, in the same lexeme and in the next one."""

    letters: dict[Spot, Letter] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    within: dict[Spot, set[Spot]] = field(default_factory=dict)
    across: dict[Spot, set[Spot]] = field(default_factory=dict)
    chunks: list[Shape] = field(default_factory=list)

    def shape(self, item: Item, at: Spot) -> Shape:
        match item:
            case Letter():
                self.letters[at] = item
                return Shape(False, frozenset({at}), frozenset({at}))
            case Ref(name):
                return self.shapes.get(name, Shape())
            case Chunk(inner):
                return self.shape(inner, at)
            case Times(inner, least):
                found = self.shape(inner, at)
                return Shape(found.empty or not least, found.first, found.last)
            case Or(options):
                return either(self.shape(part, (*at, number)) for number, part in enumerate(options))
            case Seq(items):
                return joined(self.shape(part, (*at, number)) for number, part in enumerate(items))

    def link(self, item: Item, at: Spot, edges: dict[Spot, set[Spot]]) -> None:
        """Note what follows what in this item."""
        match item:
            case Chunk(inner):
                self.chunks.append(self.shape(inner, at))
                self.link(inner, at, self.within)
            case Times(inner, _, most):
                self.link(inner, at, edges)
                if most != 1:
                    connect(self.shape(inner, at).last, self.shape(inner, at).first, edges)
            case Or(options):
                for number, part in enumerate(options):
                    self.link(part, (*at, number), edges)
            case Seq(items):
                open: frozenset[Spot] = frozenset()
                for number, part in enumerate(items):
                    found = self.shape(part, (*at, number))
                    connect(open, found.first, edges)
                    open = found.last | open if found.empty else found.last
                    self.link(part, (*at, number), edges)


def either(shapes: Iterable[Shape]) -> Shape:
    each = list(shapes)
    first, last = (frozenset().union(*sets) for sets in ([one.first for one in each], [one.last for one in each]))
    return Shape(any(one.empty for one in each), first, last)


def joined(shapes: Iterable[Shape]) -> Shape:
    found = Shape(empty=True)
    for one in shapes:
        first = found.first | one.first if found.empty else found.first
        found = Shape(found.empty and one.empty, first, one.last | found.last if one.empty else one.last)
    return found


def connect(these: Iterable[Spot], those: Iterable[Spot], edges: dict[Spot, set[Spot]]) -> None:
    for spot in these:
        edges.setdefault(spot, set()).update(those)


def net(input: Input, close: str = "") -> Net:
    """The net of this definition; what closes the text is a chunk after it."""
    rules = {**read(input).rules, CLOSE: Seq((Ref(START), Chunk(literal(close))))}
    found = Net()
    while True:
        shapes = {name: found.shape(body, (name,)) for name, body in rules.items()}
        if shapes == found.shapes:
            break
        found.shapes.update(shapes)
    for name, body in rules.items():
        found.link(body, (name,), found.across)
    return found


@lru_cache(maxsize=256)
def confused_in_quotes(input: Input, quote: str = '"') -> bool:
    """Whether a lexeme may go on with one escape where the next one begins with another."""
    if read(input).chunk:
        return False
    escapes = QUOTED[quote].escapes
    return any(
        holds(letter, char)
        and not any(holds(more, char) for more in ahead)
        and any(is_one(more, escapes) for more in ahead)
        for ahead, letter in turns(net(input))
        for char in escapes
    )


def is_one(letter: Letter, chars: Iterable[str]) -> bool:
    return any(holds(letter, char) for char in chars)


@lru_cache(maxsize=256)
def confused(input: Input, close: str, marks: tuple[str, ...]) -> bool:
    """Whether a text may, with what closes it, hold one of these marks (patterns) across lexemes, or its last lexeme go
    on into what closes it."""
    found = net(input, close)
    ends = (ahead for ahead, letter in turns(found) if letter is found.letters.get((CLOSE, 1, 0)))
    if close and any(holds(more, close[0]) for ahead in ends for more in ahead):
        return True
    return any(crosses(found, mark) for mark in marks)


def turns(found: Net) -> Iterator[tuple[list[Letter], Letter]]:
    """Wherever a lexeme may end: the letters that it may go on with, and one that the next lexeme may begin with."""
    for chunk in found.chunks:
        beside = together(found, chunk)
        for spot in chunk.last:
            ahead = {more for other in beside.get(spot, ()) for more in found.within.get(other, ())}
            letters = [found.letters[more] for more in ahead]
            yield from ((letters, found.letters[more]) for more in found.across.get(spot, ()))


def together(found: Net, chunk: Shape) -> dict[Spot, set[Spot]]:
    """For each place in a chunk those where its reader may be as well, after the same text."""
    beside: dict[Spot, set[Spot]] = {}
    todo = [(one, other) for one in chunk.first for other in chunk.first]
    steps = 0
    while todo and (steps := steps + 1) < MOST:
        one, other = todo.pop()
        if other in beside.get(one, ()) or not meet(found.letters[one], found.letters[other]):
            continue
        beside.setdefault(one, set()).add(other)
        todo += [(a, b) for a in found.within.get(one, ()) for b in found.within.get(other, ())]
    return beside


def crosses(found: Net, mark: str) -> bool:
    """Whether a text that this pattern matches may stand in more than one lexeme."""
    drawn = Net()
    whole = drawn.shape(item := expression(mark), (MARK,))
    drawn.link(item, (MARK,), drawn.within)
    todo = [(spot, start, False) for spot in found.letters for start in whole.first]
    seen = set()
    while todo:
        state = spot, at, over = todo.pop()
        if state in seen or not meet(found.letters[spot], drawn.letters[at]):
            continue
        if over and at in whole.last:
            return True
        seen.add(state)
        for edges, crossed in ((found.within, over), (found.across, True)):
            todo += [(a, b, crossed) for a in edges.get(spot, ()) for b in drawn.within.get(at, ())]
    return False
