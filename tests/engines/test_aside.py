"""Idle sequences leave the cache and come back: no word changes, nothing known is lost, memory is bounded."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from drive import finish, job, llama, run, say
from test_slots import Pool, fresh

from cortex.engines.llama import aside
from cortex.engines.llama.aside import Aside, slack_of
from cortex.engines.llama.context import Context
from cortex.engines.llama.engine import Llama
from cortex.engines.llama.flow import Chunk, Flow
from cortex.engines.llama.shelf import Data
from cortex.engines.llama.slots import Slots
from cortex.engines.llama.worth import Curve

TOOLS = "the tools of an agent, which all of its chats begin with, as they stand in the prompt: " * 3
CHATS = [f"chat number {number} is about the letter {letter} " * 6 for number, letter in enumerate("abcdef")]
CELL = 8  # bytes of a cell in the double

Start = Callable[..., Llama]


@pytest.fixture(autouse=True)
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few cells are worth the work; nothing is measured in these tests."""
    monkeypatch.setattr(aside, "SLACK", 60)


@pytest.fixture
def start(begin: Start, transformer: Path) -> Start:
    return partial(begin, transformer)


def copies(engine: Llama) -> Aside:
    assert engine._aside
    return engine._aside


def test_chats_of_a_while_ago_leave_the_cache_and_go_on_as_if_they_had_not(start: Start) -> None:
    engine = start()
    firsts = [say(engine, job(chat)) for chat in CHATS]
    assert engine._slots.used <= sum(one.used.prompt + one.used.completion for one in firsts[-2:])
    for chat, first in zip(CHATS, firsts, strict=True):
        next_turn = job(chat + " and so on")
        again, cold = say(engine, next_turn), say(start(), next_turn)
        assert again.data == cold.data
        assert again.used.cached >= first.used.prompt - 1


def test_what_chats_share_is_copied_once_and_shared_again(start: Start) -> None:
    engine = start()
    family = [job(TOOLS + chat) for chat in CHATS[:4]]
    firsts = [say(engine, one) for one in family]
    for chat in CHATS[4:]:
        say(engine, job(chat))
    shared = firsts[1].used.cached
    assert shared > 100
    tokens = sum(len(copy.tokens) - copy.behind for copy in copies(engine)._copies.values())
    assert tokens <= sum(one.used.prompt + one.used.completion for one in firsts) - 3 * shared + 8
    again = [say(engine, one) for one in family]
    assert [one.data for one in again] == [one.data for one in firsts]
    assert all(one.used.cached == one.used.prompt - 1 for one in again)
    assert len(engine._slots.idle()) + len(copies(engine)._copies) == len(CHATS), "each took its own place again"


def test_a_prompt_that_shares_little_of_a_copy_takes_only_that(start: Start) -> None:
    engine = start()
    long = say(engine, job(TOOLS + "".join(CHATS)))
    for chat in CHATS[:2]:
        say(engine, job(chat))
    before = engine._slots.used
    engine.submit(0, job(TOOLS + "hello"))
    assert 100 < engine._slots.used - before < long.used.prompt / 2
    [again], cold = finish(engine, [0]), say(start(), job(TOOLS + "hello"))
    assert again.data == cold.data
    assert len(copies(engine)._copies) == 1, "the long chat can still go on"


def test_what_has_no_room_stays_in_the_cache(start: Start) -> None:
    engine = start()
    copies(engine)._most = 0
    firsts = [say(engine, job(chat)) for chat in CHATS]
    assert not copies(engine)._copies
    assert engine._slots.used >= sum(one.used.prompt for one in firsts)


def test_what_the_machine_has_no_memory_for_stays_in_the_cache(start: Start) -> None:
    engine = start()
    copies(engine)._free = lambda: aside.RESERVE + 1000
    for chat in CHATS:
        say(engine, job(chat))
    assert not copies(engine)._copies
    copies(engine)._free = lambda: None  # it does not say
    say(engine, job(CHATS[0]))
    assert copies(engine)._copies


def test_where_a_token_takes_long_others_cells_matter_less() -> None:
    small, large = (Curve(((1, one), (2, 2 * one)), 0.0, cell=cell) for one, cell in ((0.04, 1e-5), (0.6, 3e-5)))
    assert slack_of(small) == 1200
    assert slack_of(large) == 6000
    assert slack_of(Curve(((1, 0.04), (2, 0.08)), 0.0)) == aside.SLACK


def test_where_the_cache_is_full_too_the_oldest_copies_go(start: Start) -> None:
    engine = start(cells=2048)
    for number in range(20):
        say(engine, job(CHATS[number % 5] + str(number) + OTHER[number % 3] * 8, max_tokens=2))
        assert copies(engine)._taken <= copies(engine)._most + 2 * 2048 * copies(engine)._cell
    known = engine._slots.used + sum(len(copy.tokens) for copy in copies(engine)._copies.values())
    assert known > 1024


OTHER = ["one more thing that was said ", "and another thing to say about it ", "which nobody has said before "]


def test_a_job_that_comes_while_sequences_move_finds_its_own(start: Start) -> None:
    engine = start()
    firsts = [run(engine, job(chat))[0] for chat in CHATS[:4]]
    for steps in range(12):
        for _ in range(steps):
            engine.step()
        chat, first = CHATS[steps % 4], firsts[steps % 4]
        [again] = run(engine, job(chat))
        assert (again.data, again.used.cached) == (first.data, first.used.prompt - 1)


def test_a_copy_that_does_not_come_back_costs_the_work_and_nothing_else(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = start()
    first, *_ = [say(engine, job(TOOLS + chat)) for chat in CHATS[:4]]
    say(engine, job(CHATS[5]))
    monkeypatch.setattr(Context, "restore", lambda self, lane, state, *, behind=False: False)
    again = say(engine, job(TOOLS + CHATS[0]))
    assert again.data == first.data


def test_a_model_that_cannot_be_cut_copies_nothing(recurrent: Path) -> None:
    engine = llama(recurrent, context=512, parallel=1)
    assert engine._aside is None
    engine.close()


# The books, on a double whose cells remember their tokens


class Told(Pool):
    """A pool whose cells are their tokens, each in a list of its own, and that copies them."""

    def decode(self, chunk: Chunk) -> None:
        cells = self.held.setdefault(chunk.lane, [])
        assert len(cells) == chunk.start
        cells.extend([token] for token in chunk.all)
        assert self.free >= 0

    def state(self, lane: int, length: int, behind: int = 0) -> bytearray:
        tokens = [cell[0] for cell in self.held[lane][behind:length]]  # type: ignore[index]
        return bytearray(b"".join(token.to_bytes(CELL, "big") for token in tokens))

    def restore(self, lane: int, state: Data, *, behind: bool = False) -> bool:
        assert bool(self.held.get(lane)) == behind
        tokens = [int.from_bytes(state[at : at + CELL], "big") for at in range(0, len(state), CELL)]
        self.held.setdefault(lane, []).extend([token] for token in tokens)
        assert self.free >= 0, "the cache overflows"
        return True


def right(slots: Slots, pool: Told) -> None:
    """The books say what the pool holds."""
    assert slots.free == pool.free
    for lane in slots._lanes:
        assert [cell[0] for cell in pool.held.get(lane.id, [])] == lane.tokens  # type: ignore[index]


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_asked_in_whatever_order_the_books_are_right(seed: int) -> None:
    draw, pool = random.Random(seed), Told(500)
    slots = Slots(pool, lanes=8, parallel=3, cells=500)
    kept = Aside(pool, slots, most=CELL * draw.choice([0, 200, 800]), cell=CELL, slack=draw.choice([0, 60]))
    trunks: list[Sequence[int]] = [fresh(1000 * n, draw.choice([5, 90])) for n in range(3)]
    chats = [[*draw.choice(trunks), *fresh(10_000 + 1000 * n, draw.choice([3, 70]))] for n in range(8)]
    for turn in range(60):
        prompts = draw.sample(chats, draw.choice([1, 1, 2]))
        flows = [Flow(turn, list(prompt)) for prompt in prompts]
        for prompt, flow in zip(prompts, flows, strict=True):
            kept.fetch(prompt)
            right(slots, pool)
            slots.add(flow)
        while any(flow.pending for flow in flows):
            for chunk in slots.schedule(64):
                pool.decode(chunk)
                slots.decoded(chunk)
        for prompt, flow in zip(prompts, flows, strict=True):
            slots.remove(flow)
            kept.ended()
            if len(prompt) < 150 and draw.random() < 0.3:
                prompt += fresh(100_000 + 100 * turn, 10)
        while kept.busy and draw.random() < 0.9:
            kept.tidy()
            right(slots, pool)
        assert sum(len(copy.state) for copy in kept._copies.values()) <= kept._most + 500 * CELL
