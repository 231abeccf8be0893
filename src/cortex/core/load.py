"""Which engine to start, and how: what crosses from the models to a runner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Load:
    """A new field is a new setting of every model.

    `engine` is a name (`llama`, `scripted`) or `module:Class`. `path` is the model's file. `context` (tokens per
    request) None means the smaller of 8192 and the model's own. `parallel` is how many requests decode together.
    `gpu_layers` -1 offloads all layers that fit. `threads` 0 lets the engine choose. `extra` goes to the engine
    as it is.
    """

    path: str
    engine: str = "llama"
    context: int | None = None
    parallel: int = 4
    gpu_layers: int = -1
    threads: int = 0
    extra: Mapping[str, Any] | None = None
