"""A small model of the same vocabulary guesses what the large one will say. It only guesses: the large one decides."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from cortex.core.errors import CortexError, EngineError, LoadError
from cortex.engines.constraint import Constraint
from cortex.engines.llama import sampling
from cortex.engines.llama.context import Context, Shape
from cortex.engines.llama.flow import Chunk, Flow
from cortex.engines.llama.guess import Pays
from cortex.engines.llama.model import Model, Settings
from cortex.engines.llama.prefix import common
from cortex.engines.llama.sampling import Logits
from cortex.engines.llama.vocabulary import Vocabulary
from cortex.engines.llama.warm import Meter

logger = logging.getLogger(__name__)

PADDING: Final = 256  # tokens by which two vocabularies may differ at their end: makers round them up
PAUSE: Final = 0.1  # seconds of a prompt's work in one step: the other streams wait for it
LEAST: Final = 8
ROWS: Final = 8  # what a `Meter` asks for


@dataclass(slots=True)
class Lane:
    """One sequence of the small model, and what it holds."""

    id: int
    tokens: list[int] = field(default_factory=list)


class Small:
    """Guesses for jobs by their number. LoadError where its vocabulary is another one."""

    def __init__(self, path: str, gpu_layers: int, main: Vocabulary, shape: Shape, *, check_memory: bool) -> None:
        self._model = Model(Settings(path, gpu_layers, check_memory), lambda fraction: None)
        try:
            _check(self._model, main, path)
            self._context = Context(self._model, shape)
        except CortexError:
            self._model.close()
            raise
        self.costs = Meter(self._context).measure([shape.threads]).costs
        self._size = min(main.size, self._model.vocabulary.size)
        self._ends = main.eog
        self._free = [Lane(id) for id in range(shape.lanes)]
        self._lanes: dict[int, Lane] = {}

    def guess(
        self, number: int, tokens: list[int], most: int, constraint: Constraint | None, pays: Pays
    ) -> tuple[list[int], list[bool], list[float]]:
        """What may come after these tokens of job `number`, as `guess.Small` tells it; nothing while it reads them."""
        lane = self._lane(number)
        if lane is None or not self._read(lane, tokens):
            return [], [], []
        said, forced, likely = list[int](), list[bool](), list[float]()
        walk = constraint.copy() if constraint else None
        try:
            while len(said) < most:
                token, probability = _best(self._logits(lane), walk)
                if token in self._ends or not pays(probability, self.costs):
                    break
                follow = _follow(walk, token)
                said += [token, *follow]
                forced += [False, *[True] * len(follow)]
                likely += [probability] * (1 + len(follow))
                self._decode(lane, [token, *follow])
        except CortexError as error:  # too complex a grammar, or no room: what it has will do
            logger.debug("the small model stops: %s", error.message)
        return said, forced, likely

    def end(self, number: int) -> None:
        """This job has ended."""
        if lane := self._lanes.pop(number, None):
            self._free.append(lane)

    def close(self) -> None:
        self._context.close()
        self._model.close()

    def _lane(self, number: int) -> Lane | None:
        if number not in self._lanes:
            if not self._free:
                return None
            self._lanes[number] = self._free.pop(0)
        return self._lanes[number]

    def _read(self, lane: Lane, tokens: list[int]) -> bool:
        """Hold exactly these tokens, the last one decoded just now. False where more is left to read."""
        keep = min(common(lane.tokens, tokens), len(tokens) - 1)
        if keep < len(lane.tokens):
            keep = keep if self._context.trim(lane.id, keep) else self._empty(lane)
            del lane.tokens[keep:]
        budget = max(LEAST, int(PAUSE / max(self.costs.token, 1e-6)))
        part = tokens[keep : keep + min(budget, self._context.batch)]
        try:
            self._decode(lane, part)
        except EngineError:
            self._empty(lane)
            return False
        return keep + len(part) == len(tokens)

    def _empty(self, lane: Lane) -> int:
        self._context.trim(lane.id, 0)
        lane.tokens.clear()
        return 0

    def _decode(self, lane: Lane, tokens: Sequence[int]) -> None:
        self._last = Chunk(Flow(-1, []), lane.id, len(lane.tokens), list(tokens), last=True)
        self._context.decode([self._last])
        lane.tokens += tokens

    def _logits(self, lane: Lane) -> Logits:
        return self._context.logits(self._last)[: self._size]


def _best(logits: Logits, constraint: Constraint | None) -> tuple[int, float]:
    """The likeliest token of those that the grammar allows, and its probability among them."""
    ids, scores = sampling.allowed(logits, constraint.mask() if constraint else None)
    if not len(ids):
        raise EngineError("the grammar allows no token that both models have")
    best = int(scores.argmax())
    return int(ids[best]), float(1 / np.exp(scores - scores[best]).sum())


def _follow(constraint: Constraint | None, token: int) -> list[int]:
    if constraint is None:
        return []
    constraint.consume(token)
    return constraint.forced()


def _check(model: Model, main: Vocabulary, path: str) -> None:
    own, size = model.vocabulary, min(main.size, model.vocabulary.size)
    if abs(own.size - main.size) > PADDING or own.pieces[:size] != main.pieces[:size]:
        raise LoadError(
            f"{Path(path).name} cannot guess for this model: its vocabulary is another one. A draft_model is a smaller "
            "model of the same family"
        )
    if not model.rewinds:
        raise LoadError(
            f"{Path(path).name} cannot guess: a model with a recurrent state cannot take back what it guessed"
        )
