"""The families' notations as data: one file each, found by themselves. Never any code of a family's own."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from cortex.core.dialect import Dialect
from cortex.core.errors import NotFound

FALLBACK = "fallback"


@cache
def known() -> dict[str, Dialect]:
    """All dialects by name. A file in this package holds one, as `DIALECT`."""
    modules = (importlib.import_module(f"{__name__}.{file.name}") for file in pkgutil.iter_modules(__path__))
    return {module.DIALECT.name: module.DIALECT for module in modules}


def names() -> list[str]:
    return sorted(known())


def find(name: str) -> Dialect:
    """The dialect of this name, or NotFound with the names that there are."""
    if name not in known():
        raise NotFound(f"There is no dialect '{name}'. Known: {', '.join(names())}.", param="dialect")
    return known()[name]


def detect(template: str) -> Dialect:
    """The dialect of a model with this chat template: the one most of whose spellings it contains, else the fallback.

    A template that never mentions tools cannot show them to the model: it needs the fallback's own prompt.
    """
    fits = [
        dialect
        for dialect in known().values()
        if "tools" in template and dialect.detect and all(spelling in template for spelling in dialect.detect)
    ]
    return max(fits, key=lambda dialect: len(dialect.detect), default=find(FALLBACK))
