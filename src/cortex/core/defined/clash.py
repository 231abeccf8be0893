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
from cortex.core.defined.letters import QUOTED, holds, meet, telling
from cortex.core.defined.source import expression, read

Spot = tuple[str | int, ...]  # the place of a letter: its rule, and the way through it
CLOSE, MARK = "%close", "%mark"
MOST = 10_000  # sets of places that are looked at


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

    def told(self, spots: Iterable[Spot]) -> frozenset[Letter]:
        return frozenset(self.letters[spot] for spot in spots)

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
        any(holds(more, char) for more in turn.ahead for char in escapes)
        and any(holds(letter, char) and not any(holds(more, char) for more in turn.ahead) for char in escapes)
        for turn in turns(net(input))
        for letter in turn.next
    )


@lru_cache(maxsize=256)
def confused(input: Input, close: str, marks: tuple[str, ...]) -> bool:
    """Whether a text may, with what closes it, hold one of these marks (patterns) across lexemes, or its last lexeme go
    on into what closes it."""
    found = net(input, close)
    if any(turn.last and any(holds(more, close[0]) for more in turn.ahead) for turn in turns(found)):
        return True
    return any(crosses(found, mark) for mark in marks)


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a lexeme may end: the letters that it may go on with, those that the next one may begin with, and whether
    what closes the text may be the next."""

    ahead: frozenset[Letter]
    next: frozenset[Letter]
    last: bool


def turns(found: Net) -> Iterator[Turn]:
    for chunk in found.chunks:
        for here in places(found, chunk):
            after = followers(found.across, here & chunk.last)
            if after:
                ahead = followers(found.within, here)
                yield Turn(found.told(ahead), found.told(after), (CLOSE, 1, 0) in after)


def places(found: Net, chunk: Shape) -> Iterator[frozenset[Spot]]:
    """The sets of places in a chunk in which its reader may be at once. Raises Untold where there are too many."""
    seen: set[frozenset[Spot]] = set()
    todo = [chunk.first]
    while todo:
        for here in split(found, todo.pop()):
            if here not in seen:
                seen.add(here)
                todo.append(followers(found.within, here))
                yield here
        if len(seen) > MOST:
            raise Untold("is too intricate: it is not known whether its terminals can be told apart")


def split(found: Net, ahead: frozenset[Spot]) -> set[frozenset[Spot]]:
    """The sets of these places that one and the same character leads to."""
    by_letter: dict[Letter, list[Spot]] = {}
    for spot in ahead:
        by_letter.setdefault(found.letters[spot], []).append(spot)
    fits = ([letter for letter in by_letter if holds(letter, char)] for char in telling(by_letter))
    return {frozenset(spot for letter in each for spot in by_letter[letter]) for each in fits if each}


def followers(edges: dict[Spot, set[Spot]], spots: Iterable[Spot]) -> frozenset[Spot]:
    return frozenset().union(*(edges.get(spot, ()) for spot in spots))


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
