"""What every engine promises. Each law runs against `Scripted`, and against a real model where there is one."""

from __future__ import annotations

import dataclasses
import math
from array import array

import pytest
from drive import Outcome, collect, finish, job, run

from cortex.core.errors import BadRequest, TooLong
from cortex.core.job import Chosen, Failure, Job, Segment
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


def test_nothing_is_said_where_no_token_is_wanted(engine: Engine) -> None:
    [outcome] = run(engine, job(max_tokens=0))
    assert (outcome.finish, outcome.data, outcome.used.completion) == ("length", b"", 0)


@pytest.mark.parametrize("most", [0, 3])
def test_an_echoed_prompt_is_told_token_by_token(engine: Engine, most: int) -> None:
    asked = dataclasses.replace(job("Once upon a time", max_tokens=most), logprobs=1, echo=True)
    [outcome] = run(engine, asked)
    assert all(isinstance(one, Chosen) for one in outcome.prompt[1:])
    assert all(one.token.logprob < 0 and len(one.top) == 1 for one in outcome.prompt if isinstance(one, Chosen))
    assert outcome.echoed.lstrip(b" ") == b"Once upon a time"
    assert len(outcome.tokens) == outcome.used.completion == most


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


def embedding(text: str) -> Job:
    return Job((Segment(text, markup=False),), embed=True, source="input")


def test_a_vector_comes_whole_with_length_1_and_the_same_each_time(engine: Engine) -> None:
    first, again, other = run(engine, embedding("hello there"), embedding("hello there"), embedding("12345 67"))
    assert first.finish == "stop"
    assert first.used.prompt > 0
    assert first.used.completion == 0
    numbers = [array("f", outcome.data) for outcome in (first, again, other)]
    assert math.hypot(*numbers[0]) == pytest.approx(1, abs=1e-5)
    assert numbers[0].tolist() == pytest.approx(numbers[1].tolist(), abs=1e-3)
    assert numbers[0].tolist() != pytest.approx(numbers[2].tolist(), abs=1e-3)


def test_a_text_that_is_too_long_for_a_vector_is_refused_with_its_field(engine: Engine) -> None:
    with pytest.raises(TooLong, match=str(engine.context)) as caught:
        engine.submit(0, embedding("many words " * engine.context))
    assert caught.value.param == "input"
    assert not engine.busy


def test_a_cancelled_vector_is_forgotten(engine: Engine) -> None:
    engine.submit(0, embedding("hello there"))
    engine.cancel(0)
    assert not engine.busy
    assert engine.step() == []


def test_tokens_spell_the_text_they_came_from_and_can_be_a_prompt(engine: Engine) -> None:
    cut = engine.tokenize([Segment("hello there")], whole=False)
    assert len(cut.tokens) == len(cut.pieces)
    assert cut.text == b"hello there"
    assert engine.tokenize([Segment(tokens=cut.tokens)], whole=True) == cut
    [outcome] = run(engine, Job((Segment(tokens=cut.tokens),), max_tokens=2))
    assert outcome.used.prompt == len(cut.tokens)


@pytest.mark.parametrize("token", [-1, 10**6])
def test_a_token_that_there_is_not_is_refused(engine: Engine, token: int) -> None:
    prompt = (Segment(tokens=(1, token)),)
    with pytest.raises(BadRequest, match=f"no token {token}") as caught:
        engine.submit(0, Job(prompt, source="prompt.2"))
    assert caught.value.param == "prompt.2"
    with pytest.raises(BadRequest, match=f"no token {token}"):
        engine.tokenize(prompt, whole=False)
    assert not engine.busy


def test_a_suffix_is_refused_where_the_model_cannot_fill_in(engine: Engine) -> None:
    with pytest.raises(BadRequest) as caught:
        engine.submit(0, Job((Segment("hello", markup=False),), suffix="there"))
    assert caught.value.param == "suffix"
    assert not engine.busy
