"""Whether trying a guess is worth its work: what a decode costs here, and how often guesses come true. Pure.

What is tried is decoded beside the token that is due. Where it is right, a decode is saved; where it is wrong, its own
work was in vain. On a machine whose cores are busy with one token a guess must be good; where cores wait for memory,
nearly any guess is worth it. Nothing here looks at a clock while a job runs: the same job tries the same tokens again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

# How often the next token was the one guessed, by how many tokens before it had come as before (the last: or more).
# Roughly what Qwen2.5-Coder 0.5B does in prose, code and JSON; a job's own guesses soon count for more.
PRIOR: Final = (0.3, 0.3, 0.4, 0.5, 0.65, 0.75, 0.75, 0.8, 0.8, 0.85, 0.85, 0.9, 0.95)
WEIGHT: Final = 3.0  # guesses that the prior counts as
LIKELY: Final = (0.4, 0.7, 0.9)  # probabilities that are counted apart
SURE: Final = (1, 3, 8, 12)  # and the matches that they are worth
BANDS: Final = (3, 6, 12)  # matches shorter than these are counted together


@dataclass(frozen=True, slots=True)
class Costs:
    """What one decode takes, in seconds: `step` however small it is, `token` for each token, `row` for each whose
    logits are wanted."""

    step: float
    token: float
    row: float

    @staticmethod
    def measured(one: float, eight: float, rows: float) -> Costs:
        """From what it took to decode one token, eight with the last's logits, and eight with all their logits."""
        token = max(eight - one, 0.0) / 7
        row = max(rows - eight, 0.0) / 7
        return Costs(max(one - token - row, 0.05 * one), token, row)

    @property
    def one(self) -> float:
        """A decode of one token."""
        return self.step + self.token + self.row


@dataclass(frozen=True, slots=True)
class Curve:
    """What decodes of so many tokens take, each with its logits: `points`, rising, two at least; a straight line goes
    from each to the next. `row` of it is for the logits of one. Each token costs `cell` more for each before it."""

    points: tuple[tuple[int, float], ...]
    row: float
    cell: float = 0.0

    @staticmethod
    def straight(costs: Costs) -> Curve:
        return Curve(((1, costs.one), (2, costs.one + costs.token + costs.row)), costs.row)

    def of(self, tokens: int) -> float:
        """Past the last point, it goes on as from the first to that."""
        below = [point for point in self.points if point[0] <= tokens]
        start, end = below[-1], self.points[min(len(below), len(self.points) - 1)]
        if start == end:
            first, known = self.points[0], start
            return known[1] + (tokens - known[0]) * _slope(first, known)
        return start[1] + (tokens - start[0]) * _slope(start, end)

    @property
    def token(self) -> float:
        """One more token without logits, as the sizes go."""
        return max(0.0, _slope(self.points[0], self.points[-1]) - self.row)

    def share(self, depth: int) -> float:
        """What one token pays for so many before it, as a part of what a decode of one token costs."""
        one = self.of(1)
        return depth * self.cell / one if one else 0.0  # a coarse clock measures nothing of a tiny model


@dataclass(slots=True)
class Trust:
    """How often one job's guesses come true."""

    _tried: list[float] = field(default_factory=lambda: [0.0] * (len(BANDS) + 1))
    _right: list[float] = field(default_factory=lambda: [0.0] * (len(BANDS) + 1))

    def of(self, match: int) -> float:
        """The probability that a token is right that so many right ones stand before."""
        band, prior = _band(match), PRIOR[min(match, len(PRIOR) - 1)]
        return (WEIGHT * prior + self._right[band]) / (WEIGHT + self._tried[band])

    def learn(self, match: int, right: bool) -> None:
        band = _band(match)
        self._tried[band] += 1
        self._right[band] += right


def worthwhile(
    matches: Sequence[int],
    forced: Sequence[bool],
    trust: Trust,
    curve: Curve,
    streams: int,
    due: int = 1,
    depth: int = 0,
) -> int:
    """How many tokens of a guess are worth trying; `matches` says how much before each came as before, `forced` which
    of them the grammar decides once those before are right, `streams` how many jobs share the decode, in which this one
    has so many tokens `due`, and `depth` before them.

    A right guess saves this job a decode, which it would share with the others. All that is tried, right or wrong,
    makes this one larger.
    """
    behind = depth * curve.cell
    later, others = behind + curve.of(streams) / streams, due + streams - 1
    gain, spared, best, length, likely = 0.0, 0.0, 0.0, 0, 1.0
    for i, decided in enumerate(forced):
        if not decided:
            likely *= trust.of(matches[i])
        gain += likely * (curve.token + behind if decided else later)
        spared += curve.row if i + 1 < len(forced) and forced[i + 1] else 0.0
        won = gain + spared + curve.of(others) - curve.of(others + i + 1) - (i + 1) * behind
        if won > best:
            best, length = won, i + 1
    return length


def another(likely: float, costs: Costs, own: Costs, streams: int, behind: float = 0.0) -> bool:
    """Whether one more guess of a small model pays, that is right with this probability: its own work is paid for
    in any case. A token costs `behind` for those before it, as a part of what a decode of one costs."""
    lost = (1 - likely) * (costs.token + costs.row + behind * costs.one)
    return likely * costs.step / streams > lost + own.step + own.token + own.row


def matching(probability: float) -> int:
    """The match that is trusted as much as a small model's guess of this probability, at first."""
    return SURE[sum(probability >= limit for limit in LIKELY)]


def _slope(start: tuple[int, float], end: tuple[int, float]) -> float:
    return (end[1] - start[1]) / (end[0] - start[0])


def _band(match: int) -> int:
    return sum(match >= limit for limit in BANDS)
