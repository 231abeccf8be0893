"""A notation drawn as text with holes. Never knows what the holes mean.

«name»   a hole
‹text›   written as it is; when read, whatever stands there up to the next literal is passed over
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

MARK = re.compile("«([a-z]+)»|‹([^›]*)›")
WHERE_SPACE = re.compile(r"\s+|(?<=[>\]])(?=[\[{<])")


@dataclass(frozen=True, slots=True)
class Hole:
    name: str


@dataclass(frozen=True, slots=True)
class Any:
    """A stretch that may read otherwise than it is written."""

    written: str


Stroke = str | Hole | Any  # a str is a literal


@lru_cache(maxsize=1024)
def strokes(drawing: str) -> tuple[Stroke, ...]:
    """What the drawing consists of, in order, without empty literals."""
    out: list[Stroke] = []
    at = 0
    for found in MARK.finditer(drawing):
        out += [drawing[at : found.start()], Hole(found[1]) if found[1] else Any(found[2])]
        at = found.end()
    return tuple(filter(None, [*out, drawing[at:]]))


def fill(drawing: str, values: Mapping[str, str]) -> str:
    """The drawing with its holes filled; values are never searched for holes."""
    return MARK.sub(lambda found: values[found[1]] if found[1] else found[2], drawing)


def words(literal: str) -> list[str]:
    """The literal cut at its white space, and where white space may come too: between a mark and a list or mark."""
    return [word for word in WHERE_SPACE.split(literal) if word]


def flexible(literal: str) -> str:
    """A regular expression for the literal in which every white space may be any, or none."""
    return r"[ \t\r\n]*".join(map(re.escape, words(literal)))
