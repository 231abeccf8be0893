"""Who decodes what next: a queue of jobs, the KV cache's sequences and its cells. Pure; decodes nothing itself.

llama.cpp's unified KV cache is one pool of cells. A token that was decoded fills one cell, and sequences that share
their beginning share its cells. `Slots` keeps the same books and gives its orders to a `Cache`.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from cortex.engines.llama.cells import Cells
from cortex.engines.llama.flow import Chunk, Flow, Lane
from cortex.engines.llama.pace import parts
from cortex.engines.llama.prefix import common
from cortex.engines.llama.reuse import Candidate, Reuse, choose
from cortex.engines.llama.tree import Tree

EVICTED: Final = 256  # cells that an idle sequence loses at a time
WORTH_WAITING: Final = 32  # tokens: a prompt that another is just decoding is not decoded twice


class Cache(Protocol):
    def trim(self, lane: int, keep: int) -> bool:
        """Forget what this sequence holds from token `keep` on. False where it cannot; `keep` 0 always can."""

    def share(self, source: int, target: int, length: int) -> None:
        """Make the first `length` tokens of `source` those of `target` (which is empty) too."""


class Slots:
    """`lanes` sequences, at most `parallel` of them running, in a pool of `cells`.

    The oldest running flow can always go on: idle sequences give way to it, the one used longest ago first, then the
    youngest flow is preempted. So `cells` must hold at least one whole request. A step gives at most `drafts` rows of
    logits beside those at the ends of chunks: for what is tried, and for prompts whose logits are all wanted.
    """

    def __init__(
        self, cache: Cache, *, lanes: int, parallel: int, cells: int, rewinds: bool = True, drafts: int = 0
    ) -> None:
        self._cache, self._parallel, self._rewinds = cache, parallel, rewinds
        self._rows, self._drafts = drafts, drafts if rewinds else 0
        self._lanes = [Lane(id) for id in range(lanes)]
        self._held: Tree[int] = Tree()  # what the lanes hold, as `Lane.tokens` says
        self._cells = Cells(cells)
        self._clock = itertools.count(1)
        self._ages = itertools.count()
        self._waiting: deque[Flow] = deque()

    @property
    def total(self) -> int:
        """Cells of the cache."""
        return self._cells.total

    @property
    def free(self) -> int:
        """Cells that hold nothing."""
        return self._cells.free

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._running())

    def add(self, flow: Flow) -> None:
        """Queue this flow."""
        flow.age = next(self._ages)
        self._waiting.append(flow)

    @property
    def has_tails(self) -> bool:
        return any(lane.tail for lane in self._lanes)

    def remove(self, flow: Flow, *, tail: bool = False) -> None:
        """This flow has ended. What it decoded stays, idle, for a prompt that begins alike; with `tail` what it has not
        decoded is to follow."""
        if lane := flow.lane:
            self._leave(flow)
            lane.tail = flow.tokens[len(lane.tokens) :] if tail else []
        else:
            self._waiting.remove(flow)

    def lose(self, flow: Flow) -> None:
        """This flow has ended in a decode that failed: what its sequence holds is not to be trusted."""
        lane = flow.lane
        self.remove(flow)
        if lane:
            self._trim(lane, 0)

    def tails(self, most: int) -> list[Chunk]:
        """At most so many tokens of tails, the newest sequences' first, to decode while nothing else is to be. A tail
        that has no room is given up: only idle sequences without one give way.

        Every chunk is to be reported to `decoded`, or to `spoilt`.
        """
        chunks: list[Chunk] = []
        for lane in sorted((lane for lane in self._lanes if lane.tail), key=lambda lane: -lane.used):
            wanted = min(len(lane.tail), most - _tokens(chunks))
            if count := self._spare(wanted, chunks, tails=False):
                chunks.append(Chunk(Flow(-1, []), lane.id, len(lane.tokens), lane.tail[:count], last=False))
            elif wanted:
                lane.tail = []
        return chunks

    def spoilt(self, chunk: Chunk) -> None:
        """This chunk of a tail could not be decoded: what its sequence holds is not to be trusted."""
        self._trim(self._lanes[chunk.lane], 0)

    def schedule(self, budget: int, patient: int = 0) -> list[Chunk]:
        """What to decode in one step: about `budget` tokens, running streams first, then prompts. What they leave is
        for drafts. Where no stream waits for another flow's tokens, it may be `patient` tokens.

        Every chunk is to be reported to `decoded`, or its flow to `lose`.
        """
        self._admit()
        chunks: list[Chunk] = []
        running = sorted(self._running(), key=lambda flow: flow.age)
        if len(running) == 1 or not any(flow.settled for flow in running):
            budget = max(budget, patient)
        for flow in running:
            if flow.settled:
                self._add(flow, max(1, budget - _tokens(chunks)), chunks)
        prompts = [flow for flow in running if flow.lane and not flow.settled]
        left, pending = budget - _tokens(chunks), [flow.pending for flow in prompts]
        for flow, part in zip(prompts, parts(left, pending), strict=True):
            self._add(flow, part, chunks)
        self._try_drafts(chunks, budget)
        return chunks

    def _add(self, flow: Flow, most: int, chunks: list[Chunk]) -> None:
        """Decode at most so many of this flow's tokens in this step."""
        rows = self._rows - _rows(chunks) if _all(flow) else flow.pending
        if flow.lane and (count := self._room(flow, min(_until_mark(flow), most, rows), chunks)):
            chunks.append(_chunk(flow, flow.lane, count))

    def decoded(self, chunk: Chunk) -> None:
        """This chunk's tokens are in the cache now."""
        lane = self._lanes[chunk.lane]
        self._hold(lane, chunk.all)
        del lane.tail[: len(chunk.tokens)]
        chunk.flow.settled = chunk.flow.settled or chunk.last

    def known(self, prompt: Sequence[int]) -> int:
        """How many of this prompt's tokens a sequence holds that it can go on from."""
        reuse = self._choose(prompt)
        return reuse.length if reuse else 0

    def holding(self, tokens: Sequence[int]) -> int | None:
        """A sequence that begins with these tokens."""
        length, lanes = self._held.longest(tokens)
        return lanes[0] if length == len(tokens) else None

    def restore(
        self, tokens: Sequence[int], put: Callable[[int], bool], *, keep: int | None = None, behind: int = 0
    ) -> Lane | None:
        """Let `put` fill a sequence with these tokens, in place of what was used longest ago; the first `keep` of them
        stay (None: all). The first `behind` of them are shared with a sequence that holds them, and `put` does the
        rest. None where all sequences run, or there is no room."""
        source = self.holding(tokens[:behind]) if behind else None
        idle = (lane for lane in self._lanes if not lane.flow and lane.id != source)
        lane = min(idle, key=lambda lane: (bool(lane.tokens), lane.used), default=None)
        if lane is None or (behind and source is None):
            return None
        self._trim(lane, 0)
        if source is not None:
            self._share(self._lanes[source], lane, behind)
        lane.used = next(self._clock)
        wanted = len(tokens) - behind
        if self._spare(wanted, []) < wanted or len(lane.tokens) != behind or not put(lane.id):
            self._trim(lane, 0)
            return None
        lane.asked = 0
        self._hold(lane, tokens[behind:])
        self._trim(lane, len(tokens) if keep is None else keep)
        return lane

    @property
    def used(self) -> int:
        """Cells that hold something."""
        return self.total - self.free

    def idle(self) -> list[Lane]:
        """The sequences that hold something and in which nothing runs, the one used longest ago first."""
        return sorted((lane for lane in self._lanes if lane.tokens and not lane.flow), key=lambda lane: lane.used)

    def shared(self, lane: Lane) -> int:
        """How many of this sequence's cells, from its beginning on, another holds, too."""
        return bisect_left(lane.cells, True, key=lambda cell: self._cells.alone(cell))

    def forget(self, lane: Lane) -> None:
        """Empty this idle sequence."""
        self._trim(lane, 0)

    def rewind(self, flow: Flow, sure: int = 0) -> None:
        """Forget what of this flow's draft was not said; the first `sure` tokens of its sequence are its own."""
        if flow.lane:
            self._trim(flow.lane, sure + common(flow.lane.tokens[sure:], flow.tokens[sure:]))

    def _running(self) -> list[Flow]:
        return [lane.flow for lane in self._lanes if lane.flow]

    def _admit(self) -> None:
        while self._waiting and len(self._running()) < self._parallel:
            flow = self._waiting[0]
            known = flow.tokens if flow.wanted is None else flow.tokens[: flow.wanted + 1]
            reuse = self._choose(known)
            if reuse is None or self._soon_known(flow, reuse.length) or not self._fits(flow, reuse):
                return
            self._place(self._waiting.popleft(), reuse)

    def _choose(self, prompt: Sequence[int]) -> Reuse | None:
        lanes = [
            Candidate(lane.id, len(lane.tokens), lane.flow is not None, lane.used, lane.asked) for lane in self._lanes
        ]
        return choose(prompt, lanes, self._held, rewinds=self._rewinds)

    def _soon_known(self, flow: Flow, length: int) -> bool:
        """Whether a running flow is about to decode much of this prompt, so that waiting for it saves the work."""
        if not self._rewinds or _all(flow):
            return False
        prefills = (other for other in self._running() if not other.settled)
        return any(common(flow.tokens[:-1], other.tokens) >= length + WORTH_WAITING for other in prefills)

    def _fits(self, flow: Flow, reuse: Reuse) -> bool:
        """Whether all that is to be decoded, this prompt included, fits beside what must stay."""
        running = self._running()
        needed = len(flow.tokens) - reuse.length + sum(other.pending + 1 for other in running)
        stays = set(self._lanes[reuse.source].cells[: reuse.length])
        stays.update(*(lane.cells for lane in self._lanes if lane.flow))
        return not running or needed <= self._cells.total - len(stays)

    def _place(self, flow: Flow, reuse: Reuse) -> None:
        lane, source = self._lanes[reuse.target], self._lanes[reuse.source]
        if lane is source:
            self._trim(lane, reuse.length)
        else:
            self._trim(lane, 0)
            self._share(source, lane, reuse.length)
            source.used = next(self._clock)
        lane.flow, lane.asked, flow.lane = flow, len(flow.tokens), lane
        flow.cached = len(lane.tokens) if flow.cached is None else flow.cached

    def _share(self, source: Lane, lane: Lane, length: int) -> None:
        """The first tokens of `source` are those of this empty sequence, too."""
        self._cache.share(source.id, lane.id, length)
        lane.tokens, lane.cells = source.tokens[:length], source.cells[:length]
        self._held.put(lane.id, lane.tokens)
        self._cells.hold(lane.cells)

    def _hold(self, lane: Lane, tokens: Sequence[int]) -> None:
        """These tokens follow in this sequence, each in a cell of its own."""
        lane.tokens.extend(tokens)
        self._held.extend(lane.id, tokens)
        lane.cells.extend(self._cells.take(len(tokens)))

    def _leave(self, flow: Flow) -> None:
        if flow.lane:
            flow.lane.flow, flow.lane.used = None, next(self._clock)
        flow.lane, flow.settled = None, False

    def _trim(self, lane: Lane, keep: int) -> None:
        """Keep the first tokens of this sequence; none where the model cannot rewind to there."""
        lane.tail = []
        if keep == len(lane.tokens):
            return
        if not self._cache.trim(lane.id, keep):
            keep = 0
            self._cache.trim(lane.id, 0)
        self._held.cut(lane.id, keep)
        self._cells.drop(lane.cells[keep:])
        del lane.tokens[keep:], lane.cells[keep:]

    def _try_drafts(self, chunks: list[Chunk], budget: int) -> None:
        """Lengthen the chunks by drafts, an even share for each. Only idle sequences give way to what may be in vain,
        and the more is decoded at once, the less of it the others wait for."""
        places = [i for i, chunk in enumerate(chunks) if chunk.last and chunk.flow.draft]
        left = min(self._drafts // max(1, len(chunks)), self._rows - _rows(chunks), budget - _tokens(chunks))
        for done, i in enumerate(places):
            share = max(0, left) // (len(places) - done)
            draft = chunks[i].flow.draft.first(share)
            chunks[i] = replace(chunks[i], draft=draft.first(self._spare(len(draft), chunks)))
            left -= len(chunks[i].draft)

    def _room(self, flow: Flow, wanted: int, chunks: list[Chunk]) -> int:
        """How many of the wanted cells this flow gets, beside those that the chunks will fill."""
        room = self._spare(wanted, chunks)
        while wanted and not room and self._preempt(flow, chunks):
            room = self._spare(wanted, chunks)
        return room

    def _spare(self, wanted: int, chunks: Sequence[Chunk], *, tails: bool = True) -> int:
        """How many of the wanted cells can be had from idle sequences at most, those with `tails` among them or not."""
        while (room := self._cells.free - _tokens(chunks)) < wanted and self._evict(wanted - room, tails=tails):
            pass
        return min(room, wanted)

    def _evict(self, cells: int, *, tails: bool) -> bool:
        idle = [lane for lane in self._lanes if not lane.flow and lane.tokens and (tails or not lane.tail)]
        if not idle or not (tails or self._rewinds):  # a whole state is not given up for a tail
            return False
        lane = min(idle, key=lambda lane: lane.used)
        self._trim(lane, max(0, len(lane.tokens) - max(cells, EVICTED)) if self._rewinds else 0)
        return True

    def _preempt(self, flow: Flow, chunks: list[Chunk]) -> bool:
        """Send the youngest flow that is younger than this one back to the head of the queue."""
        youngest = max(self._running(), key=lambda other: other.age)
        if youngest is flow:
            return False
        chunks[:] = [chunk for chunk in chunks if chunk.flow is not youngest]
        self._leave(youngest)
        self._waiting.appendleft(youngest)
        return True


def _until_mark(flow: Flow) -> int:
    """How many tokens are pending up to the next place where a copy is to be taken."""
    done = len(flow.tokens) - flow.pending
    return min((mark - done for mark in flow.marks if mark > done), default=flow.pending)


def _chunk(flow: Flow, lane: Lane, count: int) -> Chunk:
    start = len(lane.tokens)
    tokens = flow.tokens[start : start + count]
    return Chunk(flow, lane.id, start, tokens, last=count == flow.pending, rows=_all(flow))


def _all(flow: Flow) -> bool:
    """Whether more of this flow's logits are wanted than those at its end."""
    return flow.wanted is not None


def _rows(chunks: Sequence[Chunk]) -> int:
    return sum(len(chunk.tokens) for chunk in chunks if chunk.rows)


def _tokens(chunks: Sequence[Chunk]) -> int:
    return sum(len(chunk.tokens) + len(chunk.draft) for chunk in chunks)
