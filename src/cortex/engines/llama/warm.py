"""The first decodes of a context: they bring the weights into memory, and tell what a decode costs here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, Protocol

from cortex.engines.llama.guess import NOTHING, Tries
from cortex.engines.llama.slots import Chunk, Flow
from cortex.engines.llama.worth import Costs

ROUNDS: Final = 3  # the fastest counts: what else this machine does makes single ones slower
PATIENCE: Final = 1.0  # seconds after which no round begins
EIGHT: Final = 8


class Decoder(Protocol):
    def decode(self, chunks: Sequence[Chunk]) -> None: ...
    def trim(self, lane: int, keep: int) -> bool: ...


def measure(decoder: Decoder) -> Costs:
    """What one token costs, and more of them. 0.5 s for a model of 0.5B on two cores. Leaves the cache empty."""
    rest = EIGHT - 1
    shapes = [_chunk(1), _chunk(EIGHT), _chunk(1, Tries([0] * rest, [False] * rest))]
    rounds: list[list[float]] = []
    while len(rounds) < ROUNDS and sum(map(sum, rounds)) < PATIENCE:
        rounds.append([_time(decoder, shape) for shape in shapes])
    one, eight, rows = (min(times) for times in zip(*rounds, strict=True))
    return Costs.measured(one, eight, rows)


def _chunk(tokens: int, draft: Tries = NOTHING) -> Chunk:
    return Chunk(Flow(-1, []), 0, 0, [0] * tokens, last=True, draft=draft)


def _time(decoder: Decoder, chunk: Chunk) -> float:
    began = time.perf_counter()
    decoder.decode([chunk])
    took = time.perf_counter() - began
    decoder.trim(0, 0)
    return took
