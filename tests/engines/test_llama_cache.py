"""What is reused, shared, parted, preempted or decoded anew must not change a word of any reply.

On grown models: their replies are nonsense, and the same nonsense each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from drive import Outcome, collect, finish, job, llama, rest, run

from cortex.core.errors import EngineError
from cortex.core.job import Job, Segment
from cortex.engines.llama.engine import Llama
from cortex.engines.llama.flow import Chunk, Flow

CONTEXT = 512

Start = Callable[..., Llama]


@pytest.fixture(params=["transformer", "recurrent"])
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """Engines of the same model, each with a cache of its own. Flash attention off: it rounds by batch."""
    begun: list[Llama] = []

    def start(*, context: int = CONTEXT, parallel: int = 4, cells: int = 0) -> Llama:
        extra = {"cells": cells, "flash_attention": False}
        begun.append(llama(path, context=context, parallel=parallel, extra=extra))
        return begun[-1]

    yield start
    for engine in begun:
        engine.close()


def prompts(count: int) -> list[Job]:
    return [job(f"hello number {number} " * (number + 1), max_tokens=30) for number in range(count)]


def alone(start: Start, *jobs: Job) -> list[bytes]:
    """What these jobs say, each on a fresh engine."""
    return [run(start(parallel=1), one)[0].data for one in jobs]


def said(outcomes: list[Outcome]) -> list[bytes]:
    return [outcome.data for outcome in outcomes]


def test_replies_of_grown_models_differ(start: Start) -> None:
    replies = alone(start, *prompts(5))
    assert len(set(replies)) == 5
    assert all(len(set(reply)) > 8 for reply in replies)


def test_a_batch_of_jobs_says_what_each_says_alone(start: Start) -> None:
    jobs = prompts(8)
    assert said(run(start(parallel=8), *jobs)) == alone(start, *jobs)


def test_more_jobs_than_sequences_say_what_each_says_alone(start: Start) -> None:
    jobs = prompts(8)
    assert said(run(start(parallel=2), *jobs)) == alone(start, *jobs)


def test_a_prompt_in_small_chunks_is_the_same_prompt(start: Start) -> None:
    long = job("hello " * 60, max_tokens=30)
    engine = start()
    engine._pace.budget = engine._pace.most = 7
    assert said(run(engine, long)) == alone(start, long)


def test_a_chat_goes_on_in_the_cache_as_it_would_without(start: Start) -> None:
    engine = start()
    [told] = run(engine, job("hello there", grammar='start: " you and me" /[.,]/'))
    second = job(f"hello there{told.text} hello", max_tokens=30)
    [again] = run(engine, second)
    assert again.used.cached == told.used.prompt + told.used.completion - 1
    assert said([again]) == alone(start, second)


@pytest.mark.parametrize(
    ("grammar", "after"),
    [
        ('start: " you and me" /[.,]/', " hello"),
        ('start: /[a-c]/ " and so on, word for word,"', " hello"),  # most of it behind the last decode
        ('start: /[xy]/ " he"', "llo you"),  # a tokenizer would make one token of its last and what follows
    ],
)
def test_with_a_moment_in_between_the_next_turn_finds_all_that_was_said(start: Start, grammar: str, after: str) -> None:
    engine = start()
    [told] = run(engine, job("hello there", grammar=grammar, max_tokens=None))
    rest(engine)
    second = job(f"hello there{told.text}{after}", max_tokens=30)
    spelled = replace(second, prompt=(Segment(tokens=tuple(engine._prompt(second))),))  # as it was said
    [again] = run(engine, second)
    assert told.finish == "stop"
    assert again.used.cached == told.used.prompt + told.used.completion
    assert said([again]) == alone(start, spelled)


def test_replies_that_end_together_are_finished_together(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = start()
    told = run(engine, *[job(f"hello {number}", grammar='start: /[a-c]/ "!"') for number in range(3)])
    decoded: list[int] = []
    decode = engine._decoder.decode
    monkeypatch.setattr(engine._decoder, "decode", lambda chunks: (decoded.append(len(chunks)), decode(chunks)))
    rest(engine)
    assert decoded == [3]
    for number, one in enumerate(told):
        [again] = run(engine, job(f"hello {number}{one.text} and"))
        assert again.used.cached == one.used.prompt + one.used.completion


def test_a_reply_that_was_cut_off_is_finished_where_it_can_be_taken_back(start: Start, path: Path) -> None:
    """A model that cannot rewind would lose the whole of it where the next turn does not say its last token."""
    engine = start(parallel=1)
    [told] = run(engine, job("hello there", grammar="start: /[a-z]{9}/", max_tokens=5))
    assert (told.finish, engine.busy) == ("length", path.stem == "llama")
    rest(engine)
    [again] = run(engine, job(f"hello there{told.text} hello"))
    assert again.used.cached == told.used.prompt + told.used.completion - (path.stem == "mamba")


def test_a_request_that_comes_first_computes_the_end_itself(start: Start) -> None:
    engine = start()
    [told] = run(engine, job("hello there", grammar='start: " you and me" /[.,]/'))
    assert engine.busy
    second = job(f"hello there{told.text} hello", max_tokens=30)
    engine.submit(1, second)
    [again] = finish(engine, [1])
    assert again.used.cached == told.used.prompt + told.used.completion - 1
    assert said([again]) == alone(start, second)


def test_a_cancelled_reply_is_not_finished(start: Start) -> None:
    engine = start()
    engine.submit(0, job("hello there", max_tokens=50))
    for _ in range(5):
        engine.step()
    engine.cancel(0)
    assert not engine.busy


def test_an_end_that_cannot_be_decoded_costs_the_sequence_and_nothing_else(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = start()
    one = job("hello there", grammar='start: " you and me" /[.,]/')
    [told] = run(engine, one)

    def fail(chunks: list[Chunk]) -> None:
        raise EngineError("no cell")

    with monkeypatch.context() as broken:
        broken.setattr(engine._decoder, "decode", fail)
        rest(engine)
    assert "the end of a reply could not be decoded: no cell" in caplog.text
    [again] = run(engine, one)
    assert (again.data, again.used.cached) == (told.data, 0)


def test_a_reply_up_to_the_last_cell_of_the_context_is_finished(start: Start) -> None:
    engine = start(context=256, parallel=1, cells=256)
    [told] = run(engine, replace(job("hello", max_tokens=None), ignore_eos=True))
    assert told.used.prompt + told.used.completion == engine.context == 256
    rest(engine)
    assert engine._slots.free == (0 if engine._model.rewinds else 1), "one that was cut off is left as it is"
    assert run(engine, job("hello there"))[0].finish


def test_requests_that_come_while_replies_are_being_finished_are_not_kept_waiting_for_more_than_a_step(
    start: Start,
) -> None:
    """Five replies of one prompt, more to finish than one step takes; a cancel and a new request come in between."""
    engine = start(parallel=5)
    outcomes = run(engine, *[job("hello you", grammar='start: /[a-z]/ "!!!!"', max_tokens=None) for _ in range(5)])
    assert engine.step() == []
    assert engine.busy, "not all fits into one step"
    engine.cancel(0)
    second = job(f"hello you{outcomes[4].text} hello", max_tokens=30)
    spelled = replace(second, prompt=(Segment(tokens=tuple(engine._prompt(second))),))
    [again] = run(engine, second)
    rest(engine)
    assert said([again]) == alone(start, spelled)


def test_an_engine_that_is_closed_before_a_reply_was_finished_closes(path: Path) -> None:
    engine = llama(path, context=CONTEXT, parallel=2)
    run(engine, job("hello there", grammar='start: " you and me" /[.,]/'))
    assert engine.busy
    engine.close()


def test_a_prompt_that_parts_from_the_cached_one_says_what_it_says_alone(start: Start, path: Path) -> None:
    engine = start(parallel=1)
    before, after = job("hello " * 20 + "one"), job("hello " * 20 + "two and more")
    run(engine, before)
    [outcome] = run(engine, after)
    assert (outcome.used.cached > 15) == (path.stem == "llama"), "a recurrent state cannot go back"
    assert said([outcome]) == alone(start, after)


def test_jobs_that_share_a_beginning_say_what_each_says_alone(start: Start) -> None:
    jobs = [job("hello " * 40 + f"number {number}", max_tokens=30) for number in range(4)]
    assert said(run(start(parallel=4), *jobs)) == alone(start, *jobs)


def test_a_job_joins_while_another_is_talking(start: Start) -> None:
    one, other = job("hello " * 30 + "you", max_tokens=40), job("hello " * 30 + "me", max_tokens=40)
    engine = start()
    outcomes = {0: Outcome(), 1: Outcome()}
    engine.submit(0, one)
    while len(outcomes[0].data) < 10:
        collect(outcomes, engine.step())
    engine.submit(1, other)
    while engine.busy:
        collect(outcomes, engine.step())
    assert said(list(outcomes.values())) == alone(start, one, other)


def test_a_preempted_job_says_what_it_says_alone(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [job(f"hello {number} " * 8, max_tokens=120) for number in range(4)]
    engine = start(context=256, cells=256)
    preempted: list[int] = []
    preempt = engine._slots._preempt

    def count(flow: Flow, chunks: list[Chunk]) -> bool:
        if done := preempt(flow, chunks):
            preempted.append(flow.number)
        return done

    monkeypatch.setattr(engine._slots, "_preempt", count)
    outcomes = run(engine, *jobs)
    assert preempted, "the cache is not small enough for this test"
    assert said(outcomes) == alone(start, *jobs)
    assert all(outcome.used.completion == 120 for outcome in outcomes)


def test_cancelled_jobs_leave_no_trace(start: Start) -> None:
    engine = start(parallel=2, cells=CONTEXT)
    for number in range(30):
        engine.submit(number, job(f"hello {number} " * 20, max_tokens=300))
        for _ in range(number % 5):
            engine.step()
        engine.cancel(number)
    assert not engine.busy
    last = job("hello " * 200, max_tokens=30)
    assert said(run(engine, last)) == alone(start, last)


def test_a_grammar_and_a_free_reply_in_one_batch_do_not_meet(start: Start) -> None:
    bound, free = (
        job("hello", grammar='start: "{" /[a-z]{9}/ ", and so on}"', max_tokens=60),
        job("hello", max_tokens=30),
    )
    outcomes = run(start(), bound, free)
    assert said(outcomes) == alone(start, bound, free)
    assert outcomes[0].used.forced > 10


def test_after_a_decode_that_failed_the_same_prompt_works(start: Start) -> None:
    engine = start()
    engine.submit(0, job("hello there"))
    engine._runs[0].flow.tokens.append(10**9)  # no such token: llama.cpp refuses the batch
    engine.submit(1, job("hello you"))
    failed = finish(engine, [0, 1])
    assert [bool(outcome.failure) for outcome in failed] == [True, True]
    assert said(run(engine, job("hello there"))) == alone(start, job("hello there"))


def test_log_probabilities_change_no_word(start: Start) -> None:
    for one in prompts(3):
        assert alone(start, replace(one, logprobs=5)) == alone(start, one)
