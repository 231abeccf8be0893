"""The first decodes of a context: they bring the weights into memory, and tell how many threads compute best here and
what a decode costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cortex.engines.llama import machine
from cortex.engines.llama.flow import Chunk, Flow
from cortex.engines.llama.guess import NOTHING, Tries
from cortex.engines.llama.waiting import CROWDED
from cortex.engines.llama.worth import Costs, Curve

EIGHT: Final = 8
ROUNDS: Final = 3
PATIENCE: Final = 1.0  # seconds after which no round begins
FIRST: Final = 0.4  # seconds that a round of the usual number of threads may take, for others to be tried
TWICE: Final = 2  # rounds at least of those that are tried: one alone decides nothing
SLOW: Final = 1.2  # times as slow as the usual number in their first round: not tried again
BETTER: Final = 0.9  # of the usual number's time: what takes more is the same to us


class Decoder(Protocol):
    def decode(self, chunks: Sequence[Chunk]) -> None: ...
    def trim(self, lane: int, keep: int) -> bool: ...
    def use(self, one: int, more: int) -> None:
        """Compute one token with so many threads, several with so many."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How many threads compute `one` token best, and several (`more`); what decodes cost with them, and small ones size
    by size where that was measured. `calm`: others left the cores free while it was measured."""

    one: int
    more: int
    costs: Costs
    calm: bool = True
    curve: Curve | None = None


@dataclass(slots=True)
class Trial:
    """What decodes of one token, and of eight with all their logits, took with so many threads, in seconds."""

    threads: int
    one: list[float] = field(default_factory=list)
    rows: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Meter:
    """`others` tells the seconds that our CPUs spent on other processes so far."""

    decoder: Decoder
    clock: Callable[[], float] = time.perf_counter
    others: Callable[[], float] = machine.others
    cpus: int = field(default_factory=machine.cpus)

    def measure(self, threads: Sequence[int]) -> Speed:
        """The best of these numbers of threads: the first, unless another is clearly better and the cores were free.
        Leaves the cache empty."""
        since = self.clock(), self.others()
        usual = Trial(threads[0])
        self._try(usual)
        short = self.clock() - since[0] <= FIRST and self._calm(since, usual.threads)
        rivals = [rival for count in threads[1:] if (rival := self._rival(count, usual))] if short else []
        while len(usual.one) < ROUNDS and (self.clock() - since[0] < PATIENCE or (rivals and len(usual.one) < TWICE)):
            for trial in (usual, *rivals):  # in turn: all meet with the same machine
                self._try(trial)
        calm = self._calm(since, usual.threads)
        return self._chosen(usual, rivals if calm else [], calm)

    def _rival(self, threads: int, usual: Trial) -> Trial | None:
        """None where it is far behind."""
        rival = Trial(threads)
        self._try(rival)
        behind = rival.one[0] > SLOW * usual.one[0] and rival.rows[0] > SLOW * usual.rows[0]
        return None if behind else rival

    def _chosen(self, usual: Trial, rivals: Sequence[Trial], calm: bool) -> Speed:
        one = _best(usual, rivals, lambda trial: trial.one)
        more = _best(usual, rivals, lambda trial: trial.rows)
        self.decoder.use(one.threads, more.threads)
        eight = min(self._time(_chunk(EIGHT)) for _ in more.rows)
        # The fastest counts: what else this machine does makes single ones slower.
        return Speed(one.threads, more.threads, Costs.measured(min(one.one), eight, min(more.rows)), calm)

    def _calm(self, since: tuple[float, float], threads: int) -> bool:
        """Whether others left so many cores free since then, a moment and what they had used by then."""
        began, before = since
        return threads + (self.others() - before) / max(self.clock() - began, 1e-3) - self.cpus <= CROWDED

    def _try(self, trial: Trial) -> None:
        self.decoder.use(trial.threads, trial.threads)
        rest = EIGHT - 1
        trial.one.append(self._time(_chunk(1)))
        trial.rows.append(self._time(_chunk(1, Tries([0] * rest, [False] * rest))))

    def _time(self, chunk: Chunk) -> float:
        began = self.clock()
        self.decoder.decode([chunk])
        took = self.clock() - began
        self.decoder.trim(0, 0)
        return took


def _best(usual: Trial, others: Sequence[Trial], times: Callable[[Trial], list[float]]) -> Trial:
    """The usual number, unless another is better in every round, and by far at the median."""
    best = min((usual, *others), key=lambda trial: statistics.median(times(trial)))
    always = all(new < old for new, old in zip(times(best), times(usual), strict=True))
    clear = statistics.median(times(best)) < BETTER * statistics.median(times(usual))
    return best if always and clear else usual


def _chunk(tokens: int, draft: Tries = NOTHING) -> Chunk:
    return Chunk(Flow(-1, []), 0, 0, [0] * tokens, last=True, draft=draft)
