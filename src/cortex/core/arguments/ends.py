"""Where a raw value ends: at its own closing text, or at what follows one whose closing text was forgotten. Never reads
what the value is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from cortex.core.drawing import Hole, strokes
from cortex.core.find import Finder, Mark, literal
from cortex.core.lark import escape
from cortex.core.scan import Emit, Scanner, Steps

KEY = r"[\w.$-]{1,64}"  # what a key that the schema does not name may look like
STOP = r"""[^<>"'{} \t\r\n]+"""  # a key as it is found in drawings of stops: wider, since counting is dear

Stops = tuple[str, ...]  # drawings: white space in them is loose, «key» stands for any key


@lru_cache(maxsize=256)
def ends(after: str, stops: Stops) -> Finder:
    """Finds the end of a value. `what` of a mark: whether it is the value's own."""
    space = list(map(re.escape, leading(after)))
    own = list(map(re.escape, after.strip()))
    each = [(True, own), *((False, atoms(stop)) for stop in stops)]
    return Finder([Mark(mine, [*before, *rest]) for mine, rest in each if rest for before in spaced(space)])


def spaced(space: list[str]) -> list[list[str]]:
    """White space before the mark belongs to the mark, where a value has any."""
    return [space, []] if space else [[]]


def leading(after: str) -> str:
    return after[: len(after) - len(after.lstrip())]


def atoms(stop: str) -> list[str]:
    found: list[str] = []
    for stroke in strokes(stop):
        found += literal(stroke) if isinstance(stroke, str) else [STOP] if isinstance(stroke, Hole) else []
    return found


def copy(scan: Scanner, found: Finder, emit: Emit) -> Steps[None]:
    """Pass a value on as it arrives. Its own mark is consumed; what follows it otherwise is not."""
    while True:
        end = found.search(scan.text, fresh=False)
        ready = end.start if end else len(scan.text) - found.waiting(scan.text, fresh=False)
        if ready:
            yield emit(scan.take(ready))
        if end:
            scan.take((end.end - end.start) * end.what)
            return
        yield from scan.more()


def whole(scan: Scanner, found: Finder) -> Steps[tuple[str, str]]:
    """A value, when all of it is there, and its own mark, if it has one: that is consumed."""
    while (end := found.search(scan.text, fresh=False)) is None:
        yield from scan.more()
    return scan.take(end.start), scan.take((end.end - end.start) * end.what)


def barred(after: str, stops: Stops, *, token: bool) -> Iterator[str]:
    """Patterns for the texts, with what follows them, that would be read as ending before their end.

    `token`: what follows is a special token, so that its spelling is no part of the text.
    """
    if core := escape(after.strip()):
        yield f"(?s:.*){core}(?s:.*)" if token else f"(?s:.*){core}(?s:.*){core}(?s:.*)"
    for stop in stops:
        yield f"(?s:.*){''.join(atoms(stop))}(?s:.*)"
