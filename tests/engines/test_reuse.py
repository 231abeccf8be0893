"""Which sequence of the cache a prompt continues."""

from __future__ import annotations

from dataclasses import dataclass

from cortex.engines.llama.reuse import Candidate, Reuse, choose
from cortex.engines.llama.tree import Tree

LONG = list(range(100))


@dataclass
class Held:
    lane: int
    tokens: list[int]
    running: bool
    used: int
    asked: int


def lane(number: int, tokens: list[int], *, running: bool = False, used: int = 0, asked: int = 0) -> Held:
    return Held(number, tokens, running, used, asked)


def chosen(prompt: list[int], lanes: list[Held], *, rewinds: bool) -> Reuse | None:
    held: Tree[int] = Tree()
    for each in lanes:
        held.put(each.lane, each.tokens)
    candidates = [Candidate(each.lane, len(each.tokens), each.running, each.used, each.asked) for each in lanes]
    return choose(prompt, candidates, held, rewinds=rewinds)


def test_the_longest_shared_beginning_wins() -> None:
    lanes = [lane(0, [1, 2]), lane(1, [1, 2, 3]), lane(2, [7])]
    assert chosen([1, 2, 3, 4], lanes, rewinds=True) == Reuse(1, 1, 3)


def test_the_last_token_of_a_prompt_is_always_left_to_decode() -> None:
    assert chosen([1, 2, 3], [lane(0, [1, 2, 3])], rewinds=True) == Reuse(0, 0, 2)


def test_a_prompt_that_is_asked_once_more_takes_the_place_of_its_old_reply() -> None:
    said = lane(0, [1, 2, 3, 8, 8, 8, 8, 8], asked=3)
    assert chosen([1, 2, 3], [said, lane(1, [])], rewinds=True) == Reuse(0, 0, 2)
    assert chosen([1, 2, 7], [said, lane(1, [])], rewinds=True) == Reuse(1, 0, 2), "another end"
    assert chosen([1, 2, 3, 9], [said, lane(1, [])], rewinds=True) == Reuse(1, 0, 3), "another chat"
    said.running = True
    assert chosen([1, 2, 3], [said, lane(1, [])], rewinds=True) == Reuse(1, 0, 2)


def test_without_anything_shared_the_sequence_used_longest_ago_is_taken() -> None:
    lanes = [lane(0, [1], used=5), lane(1, [2], used=3), lane(2, [3], used=4)]
    assert chosen([9, 9], lanes, rewinds=True) == Reuse(1, 1, 0)


def test_a_running_sequence_shares_its_beginning_with_an_idle_one() -> None:
    lanes = [lane(0, [1, 2, 3], running=True), lane(1, [])]
    assert chosen([1, 2, 9], lanes, rewinds=True) == Reuse(1, 0, 2)


def test_an_idle_sequence_is_preferred_to_a_running_one_that_shares_as_much() -> None:
    lanes = [lane(0, [1, 2], running=True, used=9), lane(1, [1, 2]), lane(2, [])]
    assert chosen([1, 2, 3], lanes, rewinds=True) == Reuse(1, 1, 2)


def test_nothing_can_be_chosen_while_every_sequence_runs() -> None:
    assert chosen([1, 2], [lane(0, [1], running=True)], rewinds=True) is None


def test_another_chat_is_not_cut_short_for_a_short_shared_beginning() -> None:
    lanes = [lane(0, LONG, used=9), lane(1, [], used=1)]
    assert chosen([*LONG[:10], 777, 778], lanes, rewinds=True) == Reuse(1, 0, 10)


def test_the_only_idle_sequence_is_cut_short_all_the_same() -> None:
    lanes = [lane(0, LONG), lane(1, [5], running=True)]
    assert chosen([*LONG[:10], 777, 778], lanes, rewinds=True) == Reuse(0, 0, 10)


def test_a_model_that_cannot_rewind_continues_only_what_is_wholly_a_beginning() -> None:
    lanes = [lane(0, [1, 2, 3, 4], used=1), lane(1, [1, 2], used=2), lane(2, [9], used=0)]
    assert chosen([1, 2, 3, 9], lanes, rewinds=False) == Reuse(1, 1, 2)
    assert chosen([5, 6], lanes, rewinds=False) == Reuse(2, 2, 0)


def test_a_model_that_cannot_rewind_shares_nothing_with_a_running_sequence() -> None:
    lanes = [lane(0, [1, 2], running=True), lane(1, [])]
    assert chosen([1, 2, 3], lanes, rewinds=False) == Reuse(1, 1, 0)


def test_a_model_that_cannot_rewind_does_not_reuse_a_whole_prompt() -> None:
    assert chosen([1, 2], [lane(0, [1, 2])], rewinds=False) == Reuse(0, 0, 0)


def test_a_chat_is_not_cut_short_while_there_is_an_empty_sequence() -> None:
    """Two agents with the same long instructions speak by turns: each finds what it said itself."""
    mine, empty = lane(0, LONG, used=1), lane(1, [], used=9)
    assert chosen([*LONG[:90], 777, 778], [mine, empty], rewinds=True) == Reuse(1, 0, 90)
    assert chosen([*LONG, 777], [mine, empty], rewinds=True) == Reuse(0, 0, 100)


def test_without_an_empty_sequence_one_is_cut_short_that_gives_more_than_it_loses() -> None:
    lanes = [lane(0, LONG, used=9), lane(1, [5, 6], used=1)]
    assert chosen([*LONG[:90], 777, 778], lanes, rewinds=True) == Reuse(0, 0, 90)


def test_an_empty_sequence_is_taken_before_one_used_longer_ago() -> None:
    assert chosen([9, 9], [lane(0, [1], used=1), lane(1, [], used=5)], rewinds=True) == Reuse(1, 1, 0)
