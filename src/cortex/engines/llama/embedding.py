"""Texts -> vectors, in a llama_context of their own that is made for the first of them. Never touches running chats.

Tokens' vectors become one here and not in llama.cpp, whose pooling wants a whole input in one batch: so a long input
takes many short steps, and running chats go on between them.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from cortex.core.errors import CortexError, EngineError
from cortex.core.job import Failure, Piece, Usage
from cortex.engines.llama.abi import POOLING_CLS, POOLING_LAST
from cortex.engines.llama.context import Context, Shape, Vectors
from cortex.engines.llama.flow import Chunk, Flow
from cortex.engines.llama.model import Model
from cortex.engines.llama.pace import Pace

LANES: Final = 8  # inputs in one batch
BATCH: Final = 64  # tokens; each also gets a row of logits, which are the larger part of this context's memory
GENTLY: Final = 4  # beside running replies a batch has this part of the tokens that a step has time for
CELLS: Final = 512  # of the first context; one with more takes its place when an input needs it

Sum = npt.NDArray[np.float64]


@dataclass(slots=True, eq=False)
class Input:
    """One job's tokens, and what those that are `done` add up to."""

    number: int
    tokens: list[int]
    done: int = 0
    total: Sum | None = None

    def chunk(self, lane: int, room: int) -> Chunk:
        tokens = self.tokens[self.done : self.done + room]
        return Chunk(
            Flow(self.number, self.tokens), lane, self.done, tokens, self.done + len(tokens) == len(self.tokens)
        )


@dataclass(slots=True)
class Embedder:
    """`beside` is the shape of the chats' context: threads and the type of numbers are as there."""

    model: Model
    beside: Shape
    _inputs: dict[int, Input] = field(default_factory=dict)
    _context: Context | None = None
    _pace: Pace = field(default_factory=lambda: Pace(BATCH))

    @property
    def busy(self) -> bool:
        return bool(self._inputs)

    def add(self, number: int, tokens: list[int]) -> None:
        """Queue this input. NoRoom where there is no memory for its context."""
        cells = _cells(len(tokens))
        if self._context is None or self._context.cells < cells:
            self.model.check_cache(self.beside.cells + cells, self.beside.cache_type)
        self._inputs[number] = Input(number, tokens)

    def cancel(self, number: int) -> None:
        self._inputs.pop(number, None)

    def step(self, *, gently: bool = False) -> list[Piece | Failure]:
        """One decode for the oldest inputs, `gently` a short one, and the vectors that it completes."""
        if not self._inputs:
            return []
        chunks = self._schedule(max(1, self._pace.budget // GENTLY) if gently else self._pace.budget)
        try:
            vectors = self._decode(chunks)
        except CortexError as error:
            return [self._fail(chunk.flow.number, error) for chunk in chunks]
        return [piece for chunk, rows in zip(chunks, vectors, strict=True) if (piece := self._take(chunk, rows))]

    def close(self) -> None:
        if self._context:
            self._context.close()

    def _schedule(self, room: int) -> list[Chunk]:
        """The oldest input, or a part of it where it is long; then others as long as they fit in whole."""
        oldest, *others = itertools.islice(self._inputs.values(), LANES)
        room = room if self.model.causal else len(oldest.tokens)
        chunks = [oldest.chunk(0, room)]
        for lane, other in enumerate(others, start=1):
            room -= len(chunks[-1].tokens)
            if len(other.tokens) > room:
                break
            chunks.append(other.chunk(lane, room))
        return chunks

    def _decode(self, chunks: Sequence[Chunk]) -> list[Vectors]:
        context = self._fitting(len(chunks[0].flow.tokens))
        for lane in range(1 if chunks[0].start else 0, LANES):
            context.trim(lane, 0)
        began = time.monotonic()
        context.decode(chunks)
        self._pace.learn(sum(len(chunk.tokens) for chunk in chunks), time.monotonic() - began)
        return [context.vectors(chunk) for chunk in chunks]

    def _fitting(self, tokens: int) -> Context:
        """A context for an input of so many tokens and a batch of others."""
        cells = _cells(tokens)
        if self._context is None or self._context.cells < cells:
            self.close()
            self._context = None
            vectors = BATCH if self.model.causal else cells
            self._context = Context(self.model, replace(self.beside, cells=cells, lanes=LANES, vectors=vectors))
        return self._context

    def _take(self, chunk: Chunk, rows: Vectors) -> Piece | Failure | None:
        """What has come of this chunk's input."""
        one = self._inputs[chunk.flow.number]
        one.done += len(chunk.tokens)
        one.total = pooled(self.model.pooling, one.total, rows.astype(np.float64))
        if not chunk.last:
            return None
        del self._inputs[one.number]
        try:
            return Piece(one.number, packed(one.total), "stop", Usage(prompt=len(one.tokens)))
        except EngineError as error:
            return Failure(one.number, error.message)

    def _fail(self, number: int, error: CortexError) -> Failure:
        del self._inputs[number]
        return Failure(number, error.message)


def _cells(tokens: int) -> int:
    """For an input of so many tokens and a batch of others: powers of two, so that few contexts are ever made."""
    return max(CELLS, 1 << (tokens + BATCH - 1).bit_length())


def pooled(pooling: int, before: Sum | None, rows: Sum) -> Sum:
    """What the tokens so far give: the first one's vector, the last one's, or (also where a model says nothing) the sum
    of all, which differs from their mean in length only."""
    one: Sum = rows[0] if pooling == POOLING_CLS else rows[-1] if pooling == POOLING_LAST else rows.sum(axis=0)
    if before is None or pooling == POOLING_LAST:
        return one
    return before if pooling == POOLING_CLS else before + one


def packed(total: Sum) -> bytes:
    """This vector with length 1, as bytes. EngineError where it is none."""
    length = float(np.linalg.norm(total))
    if not math.isfinite(length) or length == 0:
        raise EngineError("the model computed no numbers")
    vector: bytes = (total / length).astype("<f4").tobytes()
    return vector
