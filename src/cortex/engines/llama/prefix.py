"""Which tokens two prompts share, and which sequence of the KV cache a prompt continues. Pure; changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sequence of the KV cache: what it holds, whether a job runs in it, and when it was last used."""

    lane: int
    tokens: Sequence[int]
    running: bool
    used: int


@dataclass(frozen=True, slots=True)
class Reuse:
    """Continue `target` with the first `length` tokens of `source` (itself, or another whose cells it shares)."""

    target: int
    source: int
    length: int


def common(one: Sequence[object], other: Sequence[object]) -> int:
    """How many tokens both begin with."""
    known, most = 0, min(len(one), len(other))
    while known < most:
        middle = (known + most + 1) // 2
        if one[known:middle] == other[known:middle]:
            known = middle
        else:
            most = middle - 1
    return known


def choose(prompt: Sequence[int], lanes: Sequence[Candidate], *, rewinds: bool) -> Reuse | None:
    """How this prompt is decoded with the least work; None while every sequence runs.

    At least the prompt's last token is left to decode: its logits are wanted. A sequence that would lose more than it
    gives is not cut short: its beginning is shared, and the idle sequence used longest ago makes room. A model that
    cannot rewind (recurrent state) only continues an idle sequence that is wholly a beginning of the prompt.
    """
    idle = sorted((lane for lane in lanes if not lane.running), key=lambda lane: lane.used)
    if not idle:
        return None
    known = [(common(prompt[:-1], lane.tokens), lane) for lane in lanes if rewinds or _continued(lane, prompt)]
    length, best = max(known, key=lambda pair: (pair[0], not pair[1].running, pair[1].used), default=(0, idle[0]))
    if not length:
        return Reuse(idle[0].lane, idle[0].lane, 0)
    others = [lane for lane in idle if lane is not best]
    if not best.running and (2 * length >= len(best.tokens) or not others):
        return Reuse(best.lane, best.lane, length)
    return Reuse(others[0].lane, best.lane, length)


def _continued(lane: Candidate, prompt: Sequence[int]) -> bool:
    held = len(lane.tokens)
    return not lane.running and common(prompt[:-1], lane.tokens) == held
