"""What families' notations look like where a model of another family slips into them. Never any text of a reply."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cortex.core.arguments.json import Json
from cortex.core.dialect import Dialect, Notation
from cortex.core.loose import KEYS, Fence


def slips(dialects: Collection[Dialect], common: Collection[str]) -> Iterator[Fence | Notation]:
    """What is enforced in every family: the marks of all notations that are calls in JSON behind a mark; and of the
    common dialects, what has arguments in JSON: others cost too much where there are many tools."""
    found = {fence for each in dialects for notation in each.notations for fence in fences(notation)}
    yield from {fence.open: fence for fence in sorted(found)}.values()
    yield from (each.notation for each in dialects if each.name in common and each.notation.arguments == Json())


def strays(dialects: Collection[Dialect], common: Collection[str]) -> Iterator[Notation]:
    """What is read in every family where no grammar holds: all that begins with a mark and is no slip, the common
    dialects' first."""
    ordered = sorted(dialects, key=lambda dialect: dialect.name not in common)
    found = [each for dialect in ordered for each in dialect.notations if each.marker and not [*fences(each)]]
    yield from (each for at, each in enumerate(found) if each not in found[:at])


def fences(notation: Notation) -> Iterator[Fence]:
    """The marks around its calls, where these are such as loose ones."""
    keys = notation.members
    mark = notation.begin.strip().removesuffix("[").strip()
    if keys and keys[0] == "name" and keys[1] in KEYS and notation.marker and isinstance(notation.arguments, Json):
        yield Fence(mark, notation.end.strip().removeprefix("]").strip())
