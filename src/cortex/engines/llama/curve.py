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

from cortex.engines.llama.guess import NOTHING, Tries
from cortex.engines.llama.slots import Chunk, Flow
from cortex.engines.llama.worth import Curve

EIGHT: Final = 8
MORE: Final = (4, 2, 3, 16, 12, 6, 5, 7)  # sizes beside one and eight, those that tell most first
TWICE: Final = 2  # the less counts: what disturbs a decode makes it dearer
PATIENCE: Final = 4.0  # seconds used after which no further size is tried
SEED: Final = 16  # tokens decoded for the cells that are copied
DEEP: Final = 2048  # cells that tokens are measured behind
LEAST: Final = 512  # behind fewer, it would be noise


class Decoder(Protocol):
    cells: int

    def decode(self, chunks: Sequence[Chunk]) -> None: ...
    def trim(self, lane: int, keep: int) -> bool: ...
    def share(self, source: int, target: int, length: int) -> None: ...
    def state(self, lane: int, length: int) -> bytearray: ...
    def restore(self, lane: int, state: bytearray) -> bool: ...


def measure(decoder: Decoder, used: Callable[[], float] = time.process_time) -> Curve:
    """By `used`, the seconds spent so far; 4 s for a model of 0.5B on two cores. Needs three sequences, and leaves the
    cache empty."""

    def cost(chunk: Chunk) -> float:
        before = used()
        decoder.decode([chunk])
        taken = used() - before
        decoder.trim(chunk.lane, chunk.start)
        return taken

    def least(chunk: Chunk) -> float:
        return min(cost(chunk) for _ in range(TWICE))

    began = used()
    found = {size: least(_tried(size)) for size in (1, EIGHT)}
    row = (found[EIGHT] - least(_last(EIGHT))) / (EIGHT - 1)
    for size in MORE:
        if used() - began < PATIENCE:
            found[size] = least(_tried(size))
    curve = Curve(tuple(sorted(found.items())), max(row, 0.0))
    if cells := _fill(decoder):
        behind = least(replace(_tried(EIGHT), lane=1, start=SEED))
        curve = replace(curve, cell=max(0.0, (behind - found[EIGHT]) / (EIGHT * cells)))
    for lane in range(3):
        decoder.trim(lane, 0)
    return curve


def _fill(decoder: Decoder) -> int:
    """Give sequence 1 so many cells with next to no work: copies of a few tokens, at the same positions again and
    again. Attention does not care. 0 where there is too little room."""
    wanted = min(DEEP, decoder.cells // 2)
    if wanted < LEAST:
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
