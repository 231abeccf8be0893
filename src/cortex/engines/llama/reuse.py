"""Which sequence of the KV cache a prompt continues. Pure; changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cortex.engines.llama.tree import Tree


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sequence of the KV cache: how many tokens it holds, whether a job runs in it, when it was last used, and how
    many tokens its last job began with."""

    lane: int
    held: int
    running: bool
    used: int
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Reuse:
    """Continue `target` with the first `length` tokens of `source` (itself, or another whose cells it shares)."""

    target: int
    source: int
    length: int


def choose(prompt: Sequence[int], lanes: Sequence[Candidate], held: Tree[int], *, rewinds: bool) -> Reuse | None:
    """How this prompt is decoded with the least work; None while every sequence runs. `held` knows their tokens.

    At least the prompt's last token is left to decode: its logits are wanted. No sequence is cut short while an empty
    one can share its beginning: the chat that it holds may go on, too. Where there is none, one that would lose more
    than it gives is not cut short either: the idle sequence used longest ago makes room. A model that cannot rewind
    (recurrent state) only continues an idle sequence that is wholly a beginning of the prompt.

    Where the same prompt is asked again, its new reply takes the old one's place: kernels sum up in the order of the
    cells, so only there the same seed surely draws the same again.
    """
    idle = sorted((lane for lane in lanes if not lane.running), key=lambda lane: (lane.held > 0, lane.used))
    if not idle:
        return None
    if rewinds and (again := _asked(prompt, idle, held)):
        return Reuse(again.lane, again.lane, len(prompt) - 1)
    length, known = held.longest(prompt[:-1]) if rewinds else _whole(prompt[:-1], idle, held)
    if not length:
        return Reuse(idle[0].lane, idle[0].lane, 0)
    best = max((lane for lane in lanes if lane.lane in known), key=lambda lane: (not lane.running, lane.used))
    others = [lane for lane in idle if lane is not best]
    spared = bool(others) and (2 * length < best.held if others[0].held else length < best.held)
    if not best.running and not spared:
        return Reuse(best.lane, best.lane, length)
    return Reuse(others[0].lane, best.lane, length)


def _asked(prompt: Sequence[int], idle: Sequence[Candidate], held: Tree[int]) -> Candidate | None:
    """The idle sequence whose last job began with just this prompt."""
    length, known = held.longest(prompt)
    same = (lane for lane in idle if lane.lane in known and lane.asked == length == len(prompt))
    return max(same, key=lambda lane: lane.used, default=None)


def _whole(tokens: Sequence[int], idle: Sequence[Candidate], held: Tree[int]) -> tuple[int, Collection[int]]:
    """The longest idle sequences that are wholly a beginning of these tokens."""
    numbers = {lane.lane for lane in idle}
    found = [(length, lane) for length, lane in held.whole(tokens) if lane in numbers]
    most = max((length for length, _ in found), default=0)
    return most, [lane for length, lane in found if length == most]
