"""What a decode of a few tokens costs, size by size. Batched kernels take two or four tokens at a time: three may cost
as much as four, and sixteen no more than twelve.

It is told in seconds of CPU where the CPU computes: what else the machine does while a model loads makes these no more.
Only how the sizes compare is of use to anyone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from cortex.engines.llama.guess import NOTHING, Tries
from cortex.engines.llama.slots import Chunk, Flow
from cortex.engines.llama.worth import Curve

EIGHT: Final = 8
MORE: Final = (4, 2, 3, 16, 12, 6, 5, 7)  # sizes beside one and eight, those that tell most first
PATIENCE: Final = 2.5  # seconds used after which no further size is tried


class Decoder(Protocol):
    def decode(self, chunks: Sequence[Chunk]) -> None: ...
    def trim(self, lane: int, keep: int) -> bool: ...


def measure(decoder: Decoder, used: Callable[[], float] = time.process_time) -> Curve:
    """By `used`, the seconds spent so far; 1 s for a model of 0.5B on two cores. Leaves the cache empty."""

    def cost(chunk: Chunk) -> float:
        before = used()
        decoder.decode([chunk])
        taken = used() - before
        decoder.trim(0, 0)
        return taken

    began = used()
    found = {size: cost(_tried(size)) for size in (1, EIGHT)}
    row = (found[EIGHT] - cost(_last(EIGHT))) / (EIGHT - 1)
    for size in MORE:
        if used() - began < PATIENCE:
            found[size] = cost(_tried(size))
    return Curve(tuple(sorted(found.items())), max(row, 0.0))


def _tried(size: int) -> Chunk:
    """Each of these tokens is to give logits."""
    rest = size - 1
    return _last(1, Tries([0] * rest, [False] * rest))


def _last(size: int, draft: Tries = NOTHING) -> Chunk:
    return Chunk(Flow(-1, []), 0, 0, [0] * size, last=True, draft=draft)
