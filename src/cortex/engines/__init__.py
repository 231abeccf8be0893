"""Everything that owns weights, behind one small protocol. Here: the table of names; imports no engine by itself."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cortex.core.errors import LoadError
from cortex.engines.base import EngineClass

ENGINES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "llama": "cortex.engines.llama.engine:Llama",
        "scripted": "cortex.engines.scripted:Scripted",
    }
)


def find(name: str) -> EngineClass:
    """The engine of this name, or at this `module:Class`. LoadError where there is none."""
    module, _, attribute = ENGINES.get(name, name).partition(":")
    if not attribute:
        raise LoadError(f"there is no engine {name!r}: it is one of {', '.join(ENGINES)}, or a module:Class")
    try:
        found: EngineClass = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise LoadError(f"the engine {name!r} cannot be loaded: {error}") from error
    return found
