"""What every engine promises. Each law runs against `Scripted`, and against a real model where there is one."""

from __future__ import annotations

import dataclasses
import math

import pytest
from drive import Outcome, collect, finish, job, run

from cortex.core.errors import BadRequest, TooLong
from cortex.core.job import Failure
from cortex.engines.base import Engine


def test_an_engine_without_jobs_does_nothing(engine: Engine) -> None:
    assert not engine.busy
    assert engine.step() == []


def test_a_job_ends_with_the_one_piece_that_has_finish(engine: Engine) -> None:
    engine.submit(3, job())
    pieces = []
    while engine.busy:
        pieces += engine.step()
    assert {piece.job for piece in pieces} == {3}
    assert not any(isinstance(piece, Failure) or piece.finish for piece in pieces[:-1])
    last = pieces[-1]
    assert not isinstance(last, Failure)
    assert last.finish
    assert last.usage.completion


def test_submit_decodes_nothing_and_makes_the_engine_busy(engine: Engine) -> None:
    engine.submit(0, job())
    assert engine.busy


@pytest.mark.parametrize("most", [1, 2, 5, 11])
def test_max_tokens_is_never_exceeded(engine: Engine, most: int) -> None:
    [outcome] = run(engine, job(max_tokens=most))
    assert (outcome.finish, outcome.used.completion) == ("length", most)


def test_a_reply_ends_where_the_context_ends(engine: Engine) -> None:
    [outcome] = run(engine, job("word " * 90, max_tokens=None))
    assert outcome.finish in ("length", "stop")
    assert outcome.used.prompt + outcome.used.completion <= engine.context


def test_usage_counts_the_prompt(engine: Engine) -> None:
    short, long = run(engine, job("one two"), job("one two three four five six"))
    assert 0 < short.used.prompt < long.used.prompt


def test_a_prompt_longer_than_the_context_is_refused_before_anything_is_done(engine: Engine) -> None:
    with pytest.raises(TooLong, match=str(engine.context)) as caught:
        engine.submit(0, job("many words " * engine.context))
    assert caught.value.code == "context_length_exceeded"
    assert not engine.busy


def test_a_refused_job_leaves_the_others_alone(engine: Engine) -> None:
    engine.submit(0, job())
    with pytest.raises(BadRequest):
        engine.submit(1, job("many words " * engine.context))
    [outcome] = finish(engine, [0])
    assert outcome.finish == "length"


def test_jobs_run_side_by_side(engine: Engine) -> None:
    outcomes = {number: Outcome() for number in range(4)}
    for number in outcomes:
        engine.submit(number, job(max_tokens=12))
    while not all(outcome.data for outcome in outcomes.values()):
        collect(outcomes, engine.step())
        assert not any(outcome.finish for outcome in outcomes.values()), "none is done before all have begun"


def test_more_jobs_than_run_at_once_all_end(engine: Engine) -> None:
    outcomes = run(engine, *[job(f"Number {number}:", max_tokens=6) for number in range(20)])
    assert [outcome.failure for outcome in outcomes] == [None] * 20


def test_after_a_cancel_nothing_more_is_heard_of_the_job(engine: Engine) -> None:
    for number in range(2):
        engine.submit(number, job(max_tokens=20))
    engine.step()
    engine.cancel(0)
    heard = set()
    while engine.busy:
        heard |= {piece.job for piece in engine.step()}
    assert heard == {1}


def test_a_cancelled_job_that_never_ran_is_forgotten(engine: Engine) -> None:
    engine.submit(0, job())
    engine.cancel(0)
    assert not engine.busy
    assert engine.step() == []


def test_to_cancel_an_unknown_job_is_no_error(engine: Engine) -> None:
    engine.cancel(12345)


def test_a_number_can_be_used_again(engine: Engine) -> None:
    first, second = run(engine, job())[0], run(engine, job())[0]
    assert dataclasses.replace(first.used, cached=0) == dataclasses.replace(second.used, cached=0)


def test_the_place_of_a_cancelled_job_is_free_at_once(engine: Engine) -> None:
    for number in range(8):
        engine.submit(number, job(max_tokens=50))
    engine.step()
    for number in range(8):
        engine.cancel(number)
    engine.submit(8, job(max_tokens=2))
    [outcome] = finish(engine, [8])
    assert outcome.finish == "length"


@pytest.mark.parametrize("most", [0, 1, 5, 20])
def test_log_probabilities_come_for_each_token_that_is_said(engine: Engine, most: int) -> None:
    [outcome] = run(engine, dataclasses.replace(job(), logprobs=most))
    assert b"".join(chosen.token.data for chosen in outcome.tokens) == outcome.data
    assert len(outcome.tokens) == outcome.used.completion
    for chosen in outcome.tokens:
        likeliest = [one.logprob for one in chosen.top]
        assert len(likeliest) == most
        assert likeliest == sorted(likeliest, reverse=True)
        assert sum(map(math.exp, likeliest)) <= 1.000001
        assert chosen.token.logprob <= max(likeliest, default=0)


def test_log_probabilities_that_nobody_asked_for_do_not_come(engine: Engine) -> None:
    engine.submit(0, job())
    pieces = []
    while engine.busy:
        pieces += engine.step()
    assert not any(isinstance(piece, Failure) or piece.tokens for piece in pieces)


def test_a_job_that_ignores_ends_goes_on_to_its_limit(engine: Engine) -> None:
    [outcome] = run(engine, dataclasses.replace(job(max_tokens=300), ignore_eos=True))
    assert (outcome.finish, outcome.used.completion) == ("length", 300)
