"""What a decode of a few tokens costs, size by size, and what tokens pay for those before them.

Batched kernels take two or four tokens at a time: three may cost as much as four, and sixteen no more than twelve.
Attention costs each token as much as there are tokens before it: behind 4,000 of them more than all else.

It is told in seconds of CPU where the CPU computes: what else the machine does while a model loads makes these no more.
Only how the sizes compare is of use to anyone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from cortex.engines.llama.flow import Chunk, Flow
from cortex.engines.llama.guess import NOTHING, Tries
from cortex.engines.llama.shelf import Data
from cortex.engines.llama.worth import Curve

EIGHT: Final = 8
MORE: Final = (4, 2, 3, 16, 6, 5, 7, 12)  # sizes beside one and eight, those that tell most first
NEEDED: Final = 5  # decodes of a round: one token, eight in two ways, and what is tried most, four and two
PATIENCE: Final = 2.2  # seconds used in a round after which no further size is tried
SEED: Final = 16  # tokens decoded for the cells that are copied
DEEP: Final = 2048  # cells that tokens are measured behind
LEAST: Final = 512  # behind fewer, it would be noise


class Decoder(Protocol):
    cells: int

    def decode(self, chunks: Sequence[Chunk]) -> None: ...
    def trim(self, lane: int, keep: int) -> bool: ...
    def share(self, source: int, target: int, length: int) -> None: ...
    def state(self, lane: int, length: int) -> Data: ...
    def restore(self, lane: int, state: Data) -> bool: ...


def measure(decoder: Decoder, used: Callable[[], float] = time.process_time, *, spread: float = 1.0) -> Curve:
    """By `used`, the seconds spent so far; 4 s for a model of 0.5B on two cores. Where several tokens are computed with
    `spread` times as many threads as one, one is told as if it had as many: the others wait as long. Needs three
    sequences, and leaves the cache empty."""

    def cost(chunk: Chunk) -> float:
        before = used()
        decoder.decode([chunk])
        taken = used() - before
        decoder.trim(chunk.lane, chunk.start)
        return taken

    # The less of two counts, as what disturbs a decode makes it dearer; round by round, as it disturbs the next one
    # too. Where one round is long already, what disturbs is short beside it.
    began, taken = used(), list[float]()
    chunks = [_tried(1), _tried(EIGHT), _last(EIGHT), *map(_tried, MORE)]
    for chunk in chunks:
        if len(taken) < NEEDED or used() - began < PATIENCE:
            taken.append(cost(chunk))
    times = 2 if used() - began < 2 * PATIENCE else 1
    if times > 1:
        taken = [min(before, cost(chunk)) for before, chunk in zip(taken, chunks, strict=False)]
    one, eight, last, *more = taken
    sizes = {1: one * spread, EIGHT: eight, **dict(zip(MORE, more, strict=False))}
    row = max(0.0, eight - last) / (EIGHT - 1)
    cell = 0.0
    if cells := _fill(decoder, deep(decoder.cells)):
        behind = min(cost(replace(_tried(EIGHT), lane=1, start=SEED)) for _ in range(times))
        cell = max(0.0, behind - eight) / (EIGHT * cells)
    for lane in range(3):
        decoder.trim(lane, 0)
    return Curve(tuple(sorted(sizes.items())), row, cell)


def deep(cells: int) -> int:
    """How many cells tokens are measured behind, where the cache has so many: 0 where that would say nothing."""
    wanted = min(DEEP, cells // 2)
    return wanted if wanted >= LEAST else 0


def _fill(decoder: Decoder, wanted: int) -> int:
    """Give sequence 1 so many cells at most with next to no work: copies of a few tokens, at the same positions again
    and again. Attention does not care. How many it has; 0 where they cannot be copied."""
    if not wanted:
        return 0
    decoder.decode([_last(SEED)])
    decoder.share(0, 1, SEED)
    cells = SEED
    while 2 * cells <= wanted:
        if not decoder.restore(2, decoder.state(1, SEED)):
            return 0
        decoder.share(2, 1, SEED)
        decoder.trim(2, 0)
        cells *= 2
    return cells


def _tried(size: int) -> Chunk:
    """Each of these tokens is to give logits."""
    rest = size - 1
    return _last(1, Tries([0] * rest, [False] * rest))


def _last(size: int, draft: Tries = NOTHING) -> Chunk:
    return Chunk(Flow(-1, []), 0, 0, [0] * size, last=True, draft=draft)
