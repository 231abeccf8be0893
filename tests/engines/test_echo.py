"""The tokens of a prompt, told with their log probabilities: each as it would be told of a reply."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from drive import GREEDY, Outcome, collect, finish, job, run

from cortex.core.job import Chosen, Job, Logprob, Segment
from cortex.engines.base import Engine
from cortex.engines.llama.engine import DRAFTS, Llama

TEXT = "Once upon a time there was a fox, and the fox said: once upon a time there was a hen. " * 2


def echo(prompt: str | Sequence[int], *, most: int = 0, top: int = 2) -> Job:
    segment = Segment(prompt) if isinstance(prompt, str) else Segment(tokens=tuple(prompt))
    return Job((segment,), sampling=GREEDY, max_tokens=most, logprobs=top, echo=True)


def by_hand(engine: Llama, tokens: Sequence[int], at: int, top: int) -> Chosen:
    """The token at this place of the prompt, said as a reply to those before it: a bias makes the model say it."""
    biased = replace(GREEDY, logit_bias=((tokens[at], 100.0),))
    before = Job((Segment(tokens=tuple(tokens[:at])),), sampling=biased, max_tokens=1, logprobs=top)
    engine.submit(99, before)
    logits = []
    given = engine._decoder.logits
    engine._decoder.logits = lambda chunk, drafted=0: logits.append(given(chunk, drafted).copy()) or logits[-1]  # type: ignore[method-assign,func-returns-value]
    try:
        [outcome] = finish(engine, [99])
    finally:
        engine._decoder.logits = given  # type: ignore[method-assign]
    scores = [float(score) for score in logits[0]]
    most = max(scores)
    total = most + math.log(math.fsum(math.exp(score - most) for score in scores))
    assert outcome.tokens[0].token.logprob == pytest.approx(scores[tokens[at]] - total, abs=1e-4)
    return outcome.tokens[0]


def near(told: Chosen | bytes, expected: Chosen) -> None:
    """Logits of batches and of single tokens round differently."""
    assert isinstance(told, Chosen)
    assert told.token == Logprob(expected.token.data, pytest.approx(expected.token.logprob, rel=0.05, abs=0.1))
    assert [one.logprob for one in told.top] == pytest.approx([one.logprob for one in expected.top], rel=0.05, abs=0.1)


def test_each_token_is_told_as_if_it_had_been_said(small: Llama) -> None:
    tokens = small._vocabulary.tokenize([Segment(TEXT)])[:60]
    assert len(tokens) > DRAFTS, "they do not fit in one decode"
    [outcome] = run(small, echo(tokens))
    assert outcome.usage.cached == 0
    assert (outcome.finish, outcome.data, outcome.used.completion) == ("length", b"", 0)
    assert outcome.prompt[0] == small._vocabulary.pieces[tokens[0]]
    assert len(outcome.prompt) == len(tokens)
    for at in (1, 2, 17, DRAFTS - 1, DRAFTS, DRAFTS + 1, len(tokens) - 1):
        near(outcome.prompt[at], by_hand(small, tokens, at, 2))


@pytest.mark.model
def test_a_real_model_finds_a_text_that_it_knows_likely(coder: Llama) -> None:
    tokens = coder._vocabulary.tokenize([Segment("one two three four five six seven eight nine")])
    [outcome] = run(coder, echo(tokens, top=5))
    for at in (1, 4, len(tokens) - 1):
        near(outcome.prompt[at], by_hand(coder, tokens, at, 5))
    assert isinstance(last := outcome.prompt[-1], Chosen)
    assert last.token == last.top[0]
    assert last.token.logprob > math.log(0.5)


def test_what_is_cached_is_told_all_the_same(small: Llama) -> None:
    [first] = run(small, echo(TEXT, most=3))
    run(small, job(TEXT))
    [again] = run(small, echo(TEXT, most=3))
    assert again.used.cached == 0
    assert again.echoed == first.echoed
    for one, other in zip(again.prompt[1:], first.prompt[1:], strict=True):
        assert isinstance(other, Chosen)
        near(one, other)


def test_the_reply_comes_after_the_prompt_and_is_what_it_would_have_been(small: Engine) -> None:
    grammar = 'start: "exactly " /[ab]{3}/'
    plain, told = replace(echo(TEXT, most=9), echo=False, grammar=grammar), replace(echo(TEXT, most=9), grammar=grammar)
    [alone] = run(small, replace(plain, prompt=(Segment(TEXT + "x"),)))  # another prompt: neither finds the other's
    [outcome] = run(small, told)
    assert outcome.data.startswith(b"exactly ")
    assert len(outcome.tokens) == outcome.used.completion == alone.used.completion
    assert outcome.echoed.lstrip(b" ") == TEXT.encode()


def test_several_at_once_beside_a_running_reply(small: Engine) -> None:
    [alone] = run(small, job(max_tokens=40))
    small.submit(0, job(max_tokens=40))
    for number in (1, 2, 3):
        small.submit(number, echo(f"{number} {TEXT}"))
    running, *told = finish(small, [0, 1, 2, 3])
    assert running.used.completion == alone.used.completion
    for number, outcome in enumerate(told, start=1):
        assert outcome.echoed.lstrip(b" ") == f"{number} {TEXT}".encode()


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_one_that_is_left_frees_its_place(small: Engine, gone: int) -> None:
    small.submit(0, echo(TEXT))
    outcomes = {0: Outcome()}
    for _ in range(gone):
        collect(outcomes, small.step())
    small.cancel(0)
    assert not small.busy
    [outcome] = run(small, echo("a b"))
    assert outcome.prompt


def test_a_token_that_the_engine_put_before_the_text_is_not_told(small: Llama, monkeypatch: pytest.MonkeyPatch) -> None:
    bos = small._vocabulary.plain([Segment("x")])[-1]
    monkeypatch.setattr(small._vocabulary, "_bos", bos)
    tokens = small._vocabulary.tokenize([Segment(TEXT)])
    assert tokens[0] == bos
    [outcome] = run(small, echo(TEXT))
    assert len(outcome.prompt) == len(tokens) - 1
    assert all(isinstance(one, Chosen) for one in outcome.prompt)
    near(outcome.prompt[0], by_hand(small, tokens, 1, 2))
    [given] = run(small, echo(tokens))
    assert len(given.prompt) == len(tokens)
    assert given.prompt[0] == small._vocabulary.pieces[bos]


def test_a_mark_that_ends_a_generation_is_told_where_it_stands_in_a_prompt(small: Llama) -> None:
    end = min(small._vocabulary.eog)
    tokens = [*small._vocabulary.tokenize([Segment("a b")]), end, *small._vocabulary.tokenize([Segment("c")])]
    [outcome] = run(small, echo(tokens))
    spelled = [one if isinstance(one, bytes) else one.token.data for one in outcome.prompt]
    assert spelled == [small._vocabulary.pieces[token] for token in tokens]
