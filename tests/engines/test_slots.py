"""The books of queue, sequences and cells, against a pool that keeps what llama.cpp's cache would keep."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from cortex.engines.llama.flow import Chunk, Flow
from cortex.engines.llama.guess import Tries
from cortex.engines.llama.pace import LEAST_PREFILL, parts
from cortex.engines.llama.slots import Slots


@dataclass
class Pool:
    """Cells of a unified cache: each sequence holds some, and several may hold the same. It overflows loudly."""

    total: int
    rewinds: bool = True
    held: dict[int, list[object]] = field(default_factory=dict)
    trims: list[tuple[int, int]] = field(default_factory=list)
    shares: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def free(self) -> int:
        return self.total - len({id(cell) for cells in self.held.values() for cell in cells})

    def trim(self, lane: int, keep: int) -> bool:
        self.trims.append((lane, keep))
        if keep and not self.rewinds:
            return False
        self.held[lane] = self.held.get(lane, [])[:keep]
        return True

    def share(self, source: int, target: int, length: int) -> None:
        assert self.rewinds, "a recurrent state cannot be shared in part"
        assert not self.held.get(target), "only an empty sequence can share another's beginning"
        self.shares.append((source, target, length))
        self.held[target] = self.held[source][:length]

    def decode(self, chunk: Chunk) -> None:
        cells = self.held.setdefault(chunk.lane, [])
        assert len(cells) == chunk.start, "a chunk continues what its sequence holds"
        cells.extend(object() for _ in chunk.all)
        assert self.free >= 0, "the cache overflows"


@dataclass
class Desk:
    """Slots with a pool, stepped by hand."""

    slots: Slots
    pool: Pool

    def step(self, budget: int = 1000, patient: int = 0) -> list[Chunk]:
        chunks = self.slots.schedule(budget, patient)
        for chunk in chunks:
            self.pool.decode(chunk)
            self.slots.decoded(chunk)
        assert self.slots.free == self.pool.free
        for lane in self.slots._lanes:
            assert (len(lane.tokens), lane.id) in self.slots._held.whole(lane.tokens) or not lane.tokens
        return chunks

    def add(self, number: int, tokens: list[int]) -> Flow:
        flow = Flow(number, list(tokens))
        self.slots.add(flow)
        return flow


def desk(*, lanes: int = 4, parallel: int = 4, cells: int = 1000, rewinds: bool = True, drafts: int = 64) -> Desk:
    pool = Pool(cells, rewinds)
    return Desk(Slots(pool, lanes=lanes, parallel=parallel, cells=cells, rewinds=rewinds, drafts=drafts), pool)


def fresh(start: int, count: int) -> list[int]:
    return list(range(start, start + count))


def sizes(chunks: list[Chunk]) -> dict[int, int]:
    return {chunk.flow.number: len(chunk.tokens) for chunk in chunks}


def test_a_short_prompt_is_decoded_in_one_step() -> None:
    d = desk()
    flow = d.add(0, [1, 2, 3])
    assert d.step() == [Chunk(flow, flow.lane.id if flow.lane else -1, 0, [1, 2, 3], last=True)]
    assert flow.pending == 0
    assert d.step() == []


def test_a_long_prompt_is_decoded_in_chunks_and_only_the_last_wants_logits() -> None:
    d = desk()
    d.add(0, fresh(0, 25))
    assert [(sizes(chunks)[0], chunks[0].last) for chunks in (d.step(10), d.step(10), d.step(10))] == [
        (10, False),
        (10, False),
        (5, True),
    ]


def test_running_streams_come_first_and_a_prompt_gets_the_rest() -> None:
    d = desk()
    stream = d.add(0, fresh(0, 5))
    d.step()
    d.add(1, fresh(100, 50))
    stream.tokens.append(7)
    chunks = d.step(10)
    assert [chunk.flow.number for chunk in chunks] == [0, 1]
    assert sizes(chunks) == {0: 1, 1: 9}


def test_a_prompt_that_no_stream_waits_for_takes_longer_steps() -> None:
    d = desk()
    d.add(0, fresh(0, 100))
    assert sizes(d.step(10, patient=40)) == {0: 40}
    stream = d.add(1, fresh(500, 3))
    d.step(10, patient=40)
    stream.tokens.append(7)
    assert sizes(d.step(10, patient=40)) == {0: 9, 1: 1}


def test_a_stream_that_is_alone_tries_more() -> None:
    d = desk()
    stream = d.add(0, fresh(0, 3))
    stream.draft = tries(fresh(50, 20))
    assert [len(draft) for draft in tried(d.step(10, patient=40)).values()] == [20]


def test_no_number_of_running_streams_starves_a_prompt() -> None:
    d = desk()
    streams = [d.add(number, fresh(100 * number, 5)) for number in range(3)]
    d.step()
    for stream in streams:
        stream.tokens.append(7)
    d.add(3, fresh(900, 50))
    assert sizes(d.step(1)) == {0: 1, 1: 1, 2: 1, 3: LEAST_PREFILL}


def test_the_oldest_prompt_gets_half_and_the_shortest_the_rest() -> None:
    d = desk()
    for number, length in enumerate((100, 50, 12)):
        d.add(number, fresh(1000 * number, length))
    assert sizes(d.step(40)) == {0: 20, 1: 8, 2: 12}
    assert sizes(d.step(40)) == {0: 20, 1: 20}
    assert sizes(d.step(100)) == {0: 60, 1: 22}


@pytest.mark.parametrize(
    ("budget", "pending", "shares"),
    [
        (100, [], []),
        (100, [30], [30]),
        (10, [30], [10]),
        (0, [30, 5], [LEAST_PREFILL, 0]),
        (-7, [2, 5], [2, 0]),
        (11, [30, 30], [6, 5]),
        (100, [10, 30, 20], [10, 30, 20]),
        (40, [60, 5, 5], [30, 5, 5]),
    ],
)
def test_a_budget_is_shared_without_a_rest_and_never_exceeded(
    budget: int, pending: list[int], shares: list[int]
) -> None:
    assert parts(budget, pending) == shares


def test_only_so_many_run_and_the_others_wait_their_turn() -> None:
    d = desk(parallel=2)
    flows = [d.add(number, fresh(100 * number, 5)) for number in range(4)]
    assert sizes(d.step()) == {0: 5, 1: 5}
    d.slots.remove(flows[0])
    assert sizes(d.step()) == {2: 5}
    d.slots.remove(flows[3])
    d.slots.remove(flows[1])
    d.slots.remove(flows[2])
    assert d.step() == []
    assert not d.slots.busy


def test_the_next_turn_of_a_chat_finds_what_was_said() -> None:
    d = desk()
    first = d.add(0, fresh(0, 20))
    d.step()
    first.tokens.append(777)
    d.step()
    d.slots.remove(first)
    second = d.add(1, [*fresh(0, 20), 777, 778, 779])
    assert sizes(d.step()) == {1: 2}
    assert second.cached == 21
    assert d.slots.free == 1000 - 23


def finished(d: Desk, number: int, tokens: list[int], tail: list[int]) -> Flow:
    """A flow that has ended with so much said and not decoded."""
    flow = d.add(number, tokens)
    d.step()
    flow.tokens += tail
    d.slots.remove(flow, tail=True)
    return flow


def decode_tails(d: Desk, most: int = 8) -> list[Chunk]:
    chunks = d.slots.tails(most)
    for chunk in chunks:
        d.pool.decode(chunk)
        d.slots.decoded(chunk)
    assert d.slots.free == d.pool.free
    return chunks


def test_what_was_said_last_is_decoded_when_there_is_time_and_then_found() -> None:
    d = desk()
    finished(d, 0, fresh(0, 20), [777, 778])
    assert d.slots.has_tails
    assert [(chunk.start, chunk.tokens, chunk.last) for chunk in decode_tails(d)] == [(20, [777, 778], False)]
    assert not d.slots.has_tails
    second = d.add(1, [*fresh(0, 20), 777, 778, 779])
    assert sizes(d.step()) == {1: 1}
    assert second.cached == 22


def test_tails_are_decoded_in_small_batches_the_newest_first() -> None:
    d = desk()
    for number in range(3):
        finished(d, number, fresh(100 * number, 20), fresh(1000 * number, 5))
    assert [[chunk.tokens for chunk in decode_tails(d)] for _ in range(3)] == [
        [fresh(2000, 5), fresh(1000, 3)],
        [fresh(1003, 2), fresh(0, 5)],
        [],
    ]


def test_a_prompt_that_comes_first_decodes_the_tail_itself() -> None:
    d = desk()
    finished(d, 0, fresh(0, 20), [777, 778])
    second = d.add(1, [*fresh(0, 20), 777, 778, 779])
    assert sizes(d.step()) == {1: 3}
    assert (second.cached, d.slots.has_tails, d.slots.tails(8)) == (20, False, [])


def test_a_tail_whose_sequence_is_shared_stays_the_tail_of_that_sequence() -> None:
    d = desk()
    finished(d, 0, fresh(0, 20), [777])
    other = d.add(1, [*fresh(0, 5), 900])
    d.step()
    assert other.cached == 5
    assert [chunk.tokens for chunk in decode_tails(d)] == [[777]]
    assert other.lane
    assert other.lane.tokens == [*fresh(0, 5), 900]


def test_a_tail_takes_the_cells_of_idle_sequences_but_of_none_with_a_tail() -> None:
    d = desk(cells=100)
    finished(d, 0, fresh(0, 50), [])
    finished(d, 1, fresh(200, 50), [777, 778])
    assert d.slots.free == 0
    assert [chunk.tokens for chunk in decode_tails(d)] == [[777, 778]]
    assert d.slots.known([*fresh(200, 50), 777, 778, 1]) == 52


@pytest.mark.parametrize("rewinds", [True, False])
def test_a_tail_for_which_there_is_no_cell_is_given_up(rewinds: bool) -> None:
    d = desk(cells=100, rewinds=rewinds)
    if not rewinds:
        finished(d, 0, fresh(0, 50), [])  # a state that would have to go as a whole
    finished(d, 1, fresh(200, 100 if rewinds else 50), [777, 778])
    assert decode_tails(d) == []
    assert not d.slots.has_tails
    assert d.slots.known([*fresh(200, 100 if rewinds else 50), 777]) == (100 if rewinds else 50)


def test_an_idle_sequence_that_gives_way_gives_up_its_tail() -> None:
    d = desk(cells=100)
    finished(d, 0, fresh(0, 60), [777])
    d.add(1, fresh(200, 60))
    d.step()
    assert not d.slots.has_tails


def test_a_tail_that_could_not_be_decoded_takes_its_sequence_with_it() -> None:
    d = desk()
    finished(d, 0, fresh(0, 20), [777])
    [chunk] = d.slots.tails(8)
    d.slots.spoilt(chunk)
    assert (d.slots.has_tails, d.slots.known([*fresh(0, 20), 777]), d.slots.free) == (False, 0, 1000)


def test_a_prompt_shares_the_beginning_of_one_that_is_running() -> None:
    d = desk()
    d.add(0, [*fresh(0, 20), 50])
    d.step()
    other = d.add(1, [*fresh(0, 20), 60])
    assert sizes(d.step()) == {1: 1}
    assert other.cached == 20
    assert [length for _, _, length in d.pool.shares] == [20]
    assert d.slots.free == 1000 - 22


def test_a_prompt_waits_for_one_that_is_just_decoding_its_beginning() -> None:
    d = desk()
    d.add(0, [*fresh(0, 100), 500])
    d.add(1, [*fresh(0, 100), 600])
    assert sizes(d.step(60)) == {0: 60}
    assert sizes(d.step(60)) == {0: 41}
    assert sizes(d.step(60)) == {1: 1}


def test_a_prompt_that_waits_for_another_goes_on_when_that_one_is_cancelled() -> None:
    d = desk()
    first = d.add(0, [*fresh(0, 100), 500])
    d.add(1, [*fresh(0, 100), 600])
    d.step(60)
    d.slots.remove(first)
    assert sizes(d.step(60)) == {1: 41}


def test_the_idle_sequence_used_longest_ago_makes_room() -> None:
    d = desk(lanes=3, cells=100)
    for number in range(2):
        flow = d.add(number, fresh(100 * number, 40))
        d.step()
        d.slots.remove(flow)
    d.add(2, fresh(500, 50))
    assert sizes(d.step()) == {2: 50}
    again = d.add(3, [*fresh(100, 40), 7])
    d.step()
    assert again.cached == 40


def test_a_prompt_that_does_not_fit_beside_the_running_ones_waits() -> None:
    d = desk(cells=100)
    first = d.add(0, fresh(0, 60))
    d.step()
    d.add(1, fresh(200, 60))
    assert d.step() == []
    d.slots.remove(first)
    assert sizes(d.step()) == {1: 60}


def test_when_cells_run_out_the_youngest_gives_way_and_comes_back_with_its_tokens() -> None:
    d = desk(cells=100)
    old, young = d.add(0, fresh(0, 45)), d.add(1, fresh(200, 45))
    d.step()
    said = 0
    while young.lane:
        old.tokens.append(said)
        young.tokens.append(1000 + said)
        said += 1
        d.step()
    assert old.lane
    assert old.pending == 0
    kept = list(young.tokens)
    assert len(kept) == 45 + said
    d.slots.remove(old)
    while young.pending:
        d.step()
    assert young.tokens == kept
    assert young.settled
    assert young.cached == 0, "what is found after a preemption does not count as the prompt's"


def test_a_preempted_flow_is_the_first_to_come_back() -> None:
    d = desk(cells=100, parallel=2)
    old, young = d.add(0, fresh(0, 48)), d.add(1, fresh(200, 48))
    other = d.add(2, fresh(400, 5))
    d.step()
    while young.lane:
        for flow in (old, young):
            flow.tokens.append(7)
        d.step()
    d.step()
    assert other.lane is None, "what was preempted is not overtaken"
    d.slots.remove(old)
    assert sizes(d.step()).keys() == {1, 2}


def test_a_chunk_of_a_preempted_flow_is_not_decoded() -> None:
    d = desk(cells=61)
    old, young = d.add(0, fresh(0, 30)), d.add(1, fresh(200, 30))
    d.step()
    young.tokens.append(7)
    old.tokens.append(8)
    old.settled = False  # as after a preemption: the young stream is scheduled first, and takes the last cell
    assert sizes(d.step()) == {0: 1}
    assert young.lane is None
    assert young.pending == 31


def test_what_a_failed_decode_left_is_not_reused() -> None:
    d = desk()
    flow = d.add(0, fresh(0, 20))
    d.step()
    d.slots.lose(flow)
    again = d.add(1, fresh(0, 20))
    d.step()
    assert again.cached == 0


def test_a_sequence_that_cannot_be_cut_short_is_decoded_anew() -> None:
    d = desk(lanes=1, parallel=1)
    first = d.add(0, fresh(0, 20))
    d.step()
    d.slots.remove(first)
    d.pool.rewinds = False  # the model did not say so beforehand
    second = d.add(1, [*fresh(0, 15), 99])
    assert sizes(d.step()) == {1: 16}
    assert second.cached == 0


def test_a_recurrent_model_continues_a_chat_but_never_rewinds() -> None:
    d = desk(rewinds=False)
    first = d.add(0, fresh(0, 20))
    d.step()
    d.slots.remove(first)
    longer = d.add(1, fresh(0, 25))
    assert sizes(d.step()) == {1: 5}
    d.slots.remove(longer)
    other = d.add(2, [*fresh(0, 10), 99, 98])
    assert sizes(d.step()) == {2: 12}
    assert (longer.cached, other.cached) == (20, 0)


def test_a_recurrent_model_does_not_wait_for_what_it_cannot_share() -> None:
    d = desk(rewinds=False)
    d.add(0, [*fresh(0, 100), 500])
    d.add(1, [*fresh(0, 100), 600])
    assert sizes(d.step(150)) == {0: 75, 1: 75}


def test_a_chunk_ends_at_every_mark() -> None:
    d = desk()
    d.add(0, fresh(0, 50)).marks = [20, 45]
    assert [sizes(d.step(30)) for _ in range(4)] == [{0: 20}, {0: 25}, {0: 5}, {}]


def test_a_copy_takes_the_place_of_what_was_used_longest_ago() -> None:
    d = desk(lanes=2, cells=100)
    for number in range(2):
        flow = d.add(number, fresh(100 * number, 40))
        d.step()
        d.slots.remove(flow)
    put: list[int] = []
    tokens = fresh(500, 50)
    assert d.slots.restore(tokens, lambda lane: not put.append(lane))
    assert (put, d.slots.holding(tokens[:9]), d.slots.holding(fresh(100, 40))) == ([0], 0, 1)
    assert d.slots.known([*tokens, 1]) == 50
    assert d.slots.free == 100 - 40 - 50


def test_a_copy_that_does_not_fit_is_not_put() -> None:
    d = desk(lanes=2, cells=100)
    d.add(0, fresh(0, 60))
    d.step()
    assert not d.slots.restore(fresh(500, 50), lambda lane: True)
    assert not d.slots.restore(fresh(500, 10), lambda lane: False)
    assert d.slots.free == 40
    d.add(1, fresh(600, 5))
    d.step()
    assert not d.slots.restore([1], lambda lane: True), "all sequences run"


def tries(tokens: list[int]) -> Tries:
    return Tries(tokens, [False] * len(tokens))


def tried(chunks: list[Chunk]) -> dict[int, list[int]]:
    return {chunk.flow.number: chunk.draft.tokens for chunk in chunks}


def test_a_draft_is_decoded_behind_the_newest_token() -> None:
    d = desk()
    flow = d.add(0, [1, 2, 3])
    flow.draft = tries([4, 5])
    assert tried(d.step()) == {0: [4, 5]}
    assert flow.lane
    assert flow.lane.tokens == [1, 2, 3, 4, 5]


def test_what_was_tried_in_vain_is_taken_back() -> None:
    d = desk()
    flow = d.add(0, [1, 2, 3])
    flow.draft = tries([4, 5, 6])
    d.step()
    flow.tokens += [4, 9]
    flow.draft = tries([])
    d.slots.rewind(flow)
    assert flow.pending == 1
    assert d.slots.free == d.pool.free == 1000 - 4
    assert sizes(d.step()) == {0: 1}


def test_what_was_tried_and_said_is_not_decoded_again() -> None:
    d = desk()
    flow = d.add(0, [1, 2, 3])
    flow.draft = tries([4, 5])
    d.step()
    flow.tokens += [4, 5, 6]
    flow.draft = tries([])
    d.slots.rewind(flow)
    assert d.pool.trims == []
    assert [(chunk.start, chunk.tokens) for chunk in d.step()] == [(5, [6])]


def test_a_prompt_in_chunks_tries_nothing_before_its_end() -> None:
    d = desk()
    flow = d.add(0, fresh(0, 25))
    flow.draft = tries([7, 8])
    assert [tried(d.step(15)), tried(d.step(15))] == [{0: []}, {0: [7, 8]}]


def test_drafts_get_what_streams_and_prompts_leave_of_the_budget() -> None:
    d = desk()
    one, other = d.add(0, fresh(0, 5)), d.add(1, fresh(100, 5))
    d.step()
    for flow in (one, other):
        flow.tokens.append(7)
        flow.draft = tries(fresh(50, 6))
    d.add(2, fresh(200, 20))
    assert [len(draft) for draft in tried(d.step(30)).values()] == [4, 4, 0]


@pytest.mark.parametrize(("streams", "sizes"), [(1, [6]), (2, [5, 5]), (3, [2, 2, 2]), (4, [1, 1, 1, 2])])
def test_the_more_streams_there_are_the_less_is_tried(streams: int, sizes: list[int]) -> None:
    d = desk(drafts=20)
    for number in range(streams):
        d.add(number, fresh(100 * number, 5)).draft = tries(fresh(50, 6))
    assert [len(draft) for draft in tried(d.step()).values()] == sizes


def test_a_draft_takes_the_cells_of_idle_sequences_and_of_no_others() -> None:
    d = desk(cells=100)
    idle = d.add(0, fresh(0, 40))
    d.step()
    d.slots.remove(idle)
    old, young = d.add(1, fresh(200, 30)), d.add(2, fresh(300, 28))
    d.step()
    old.tokens.append(7)
    old.draft = tries(fresh(50, 60))
    assert tried(d.step()) == {1: fresh(50, 41)}
    assert young.lane


def test_a_model_that_cannot_rewind_tries_nothing() -> None:
    d = desk(rewinds=False)
    d.add(0, [1, 2, 3]).draft = tries([4])
    assert tried(d.step()) == {0: []}


def test_a_prompt_whose_logits_are_all_wanted_is_decoded_whole_however_much_is_cached() -> None:
    d = desk(drafts=15)
    first = d.add(0, fresh(0, 40))
    d.step()
    d.slots.remove(first)
    flow = Flow(1, fresh(0, 40), wanted=0)
    d.slots.add(flow)
    chunks = [d.step()[0] for _ in range(3)]
    assert [(chunk.start, len(chunk.tokens), chunk.rows, chunk.last) for chunk in chunks] == [
        (0, 15, True, False), (15, 15, True, False), (30, 10, True, True),
    ]  # fmt: skip
    assert flow.cached == 0


def test_what_is_wanted_no_more_is_found_in_the_cache() -> None:
    d = desk()
    first = d.add(0, fresh(0, 40))
    d.step()
    d.slots.remove(first)
    flow = Flow(1, fresh(0, 40), wanted=30)
    d.slots.add(flow)
    assert [(chunk.start, chunk.rows) for chunk in d.step()] == [(30, True)]


def test_two_such_prompts_and_a_draft_share_the_rows() -> None:
    d = desk(drafts=20)
    stream = d.add(0, fresh(0, 5))
    d.step()
    stream.tokens.append(7)
    stream.draft = tries(fresh(50, 6))
    for number in (1, 2):
        d.slots.add(Flow(number, fresh(100 * number, 15), wanted=0))
    chunks = d.step()
    assert sizes(chunks) == {0: 1, 1: 15, 2: 5}
    assert tried(chunks)[0] == []


@pytest.mark.parametrize("rewinds", [True, False])
@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_every_flow_ends_and_the_books_are_right(seed: int, rewinds: bool) -> None:
    """Random prompts with shared beginnings, replies, drafts, cancels and a pool that is always too small."""
    draw = random.Random(seed)
    drafts = draw.choice([8, 64])
    d = desk(lanes=draw.randint(3, 8), parallel=3, cells=120, rewinds=rewinds, drafts=drafts)
    begun, ended, flows = 0, 0, dict[int, tuple[Flow, int]]()
    for _ in range(5000):
        if begun < 40 and draw.random() < 0.3:
            tokens = [*fresh(0, draw.randint(0, 40)), *(draw.randint(100, 105) for _ in range(draw.randint(1, 40)))]
            flow = Flow(begun, tokens, wanted=0 if draw.random() < 0.2 else None)
            d.slots.add(flow)
            flows[begun] = (flow, draw.randint(0, 120 - len(tokens)))
            begun += 1
        chunks = d.step(draw.randint(1, 60))
        rows = sum(len(chunk.tokens) if chunk.rows else chunk.last for chunk in chunks)
        assert rows + sum(len(chunk.draft) for chunk in chunks) <= 3 + drafts
        for chunk in chunks:
            flow, wanted = flows[chunk.flow.number]
            if flow.wanted is not None:
                assert chunk.rows
                assert chunk.start <= flow.wanted, "no logits are left out, even after a preemption"
                flow.wanted = None if chunk.last else chunk.start + len(chunk.tokens)
            assert chunk.tokens == flow.tokens[chunk.start : chunk.start + len(chunk.tokens)]
            assert chunk.last or not chunk.draft
            right = draw.randint(0, min(len(chunk.draft), wanted))
            flow.tokens += chunk.draft.tokens[:right]
            wanted -= right
            if chunk.last and wanted == 0:
                flow.tokens += fresh(200, draw.choice([0, 1, 3])) if len(flow.tokens) < 117 else []
                d.slots.rewind(flow)
                d.slots.remove(flow, tail=True)
                ended += 1
                del flows[flow.number]
            elif chunk.last:
                new = min(wanted, draw.choice([1, 1, 1, 12]))
                flow.tokens += [draw.randint(0, 5) for _ in range(new)]
                flow.draft = tries([draw.randint(0, 5) for _ in range(draw.choice([0, 0, 4, 20]))][: wanted - new])
                flows[flow.number] = (flow, wanted - new)
                d.slots.rewind(flow)
        if flows and draw.random() < 0.02:
            flow, _ = flows.pop(draw.choice(sorted(flows)))
            d.slots.remove(flow)
            ended += 1
        if draw.random() < 0.1:
            decode_tails(d, draw.randint(1, 8))
        if begun == ended == 40:
            break
    assert begun == ended == 40
    assert not d.slots.busy
