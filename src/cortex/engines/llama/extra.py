"""What the settings of a model mean for this engine: its own ones, and how large its cache is."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cortex.core.errors import LoadError
from cortex.engines.base import Load
from cortex.engines.llama.abi import CACHE_TYPES, PINNED
from cortex.engines.llama.model import Model
from cortex.engines.llama.shelf import Shelf, fingerprint

logger = logging.getLogger(__name__)

CONTEXT: Final = 8192  # tokens a request, where nobody asks for another number and the model can take as many


@dataclass(frozen=True, slots=True)
class Extra:
    """The settings in `Load.extra`. The KV cache holds `cells` tokens for all requests together (0: the engine
    chooses), in numbers of the `cache_type` f16, q8_0 or q4_0. `flash_attention` None leaves it to llama.cpp.
    `check_memory` False loads even what seems not to fit. `lookup`: what was said before is tried as a draft of what
    comes. `draft_model` is the file of a small model that guesses what this one says. `costs` are what a decode takes,
    as in `Costs`; where none are given, they are measured, and with them how many threads compute best; what was found
    is kept in the folder `measured` ("": nowhere). Prompts' beginnings are kept in the folder `prefixes` ("": nowhere),
    which takes at most `prefixes_bytes`."""

    cells: int = 0
    cache_type: str = "f16"
    flash_attention: bool | None = None
    check_memory: bool = True
    lookup: bool = True
    costs: tuple[float, float, float] | None = None
    draft_model: str = ""
    measured: str = ""
    prefixes: str = ""
    prefixes_bytes: int = 2 << 30


def extra_of(load: Load) -> Extra:
    """LoadError names what is unknown or cannot be."""
    try:
        known = Extra(**(load.extra or {}))
    except TypeError as error:
        raise LoadError(f"the engine llama has no such setting: {error}") from error
    if known.cache_type not in CACHE_TYPES:
        raise LoadError(f"the cache_type {known.cache_type!r} is none of {', '.join(CACHE_TYPES)}")
    return known


def context_of(load: Load, model: Model) -> int:
    """How many tokens a request's prompt and reply may take together."""
    wanted = load.context or CONTEXT
    if load.context and load.context > model.context:
        logger.warning("%s was trained for %d tokens: the context is not %d", load.path, model.context, load.context)
    return min(wanted, model.context)


def cells_of(context: int, parallel: int) -> int:
    """Two full requests' worth for all that run together.

    Every cell is paid for when the model is loaded, and few requests fill their context. So one that does leaves the
    others room, beginnings are shared, and where it does not suffice the youngest request waits for the others.
    """
    return context * min(parallel, 2)


def shelf_of(load: Load, extra: Extra, *, whole: bool) -> Shelf | None:
    """Where beginnings of prompts are kept on disk. `whole` as in `Shelf`."""
    if not extra.prefixes:
        return None
    try:
        model = fingerprint(Path(load.path), PINNED, extra.cache_type, extra.flash_attention)
    except OSError as error:  # the file was replaced as it was loaded
        logger.warning("prefixes cannot be kept of %s: %s", load.path, error.strerror or error)
        return None
    return Shelf(Path(extra.prefixes), model, extra.prefixes_bytes, whole=whole)
