"""The families' notations as data: one file each, found by themselves. Never any code of a family's own."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from dataclasses import replace
from functools import cache
from types import ModuleType

from cortex.core.dialect import Dialect
from cortex.core.errors import NotFound
from cortex.core.foreign import slips, strays

FALLBACK = "fallback"
COMMON = ("functionary-v3.1", "qwen3-coder")  # notations that models of other families write too


@cache
def known() -> dict[str, Dialect]:
    """All dialects by name. A file in this package holds one, as `DIALECT`; each learns of the others here."""
    made = {module.DIALECT.name: module.DIALECT for module in modules()}
    others, rest = tuple(slips(made.values(), COMMON)), tuple(strays(made.values(), COMMON))
    return {name: replace(each, slips=(*each.slips, *others), strays=rest) for name, each in made.items()}


def modules() -> list[ModuleType]:
    return [importlib.import_module(f"{__name__}.{file.name}") for file in pkgutil.iter_modules(__path__)]


def about(name: str) -> str:
    """What the dialect's file says of it: the raw format, and the source."""
    found = find(name)
    return next(inspect.getdoc(module) or "" for module in modules() if module.DIALECT.name == found.name)


def by_family(name: str) -> Dialect | None:
    """The dialect of the family that test data call so; None where nobody claims it."""
    return next((dialect for dialect in known().values() if name == dialect.name or name in dialect.aliases), None)


def names() -> list[str]:
    return sorted(known())


def find(name: str) -> Dialect:
    """The dialect of this name, or NotFound with the names that there are."""
    if name not in known():
        raise NotFound(f"There is no dialect '{name}'. Known: {', '.join(names())}.", param="dialect")
    return known()[name]


def detect(template: str) -> Dialect:
    """The dialect of a model with this chat template: the one most of whose spellings it contains, else the fallback.

    A template that never mentions tools or their calls needs the fallback's own prompt.
    """
    if not re.search("tools|tool_calls", template):
        return find(FALLBACK)
    fits = [
        dialect
        for dialect in known().values()
        if dialect.detect and all(spelling in template for spelling in dialect.detect)
    ]
    return max(fits, key=lambda dialect: len(dialect.detect), default=find(FALLBACK))
