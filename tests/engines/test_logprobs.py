"""What is told of each token: how likely it was, among what, and what else was."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from drive import GREEDY, chat, job, run
from test_llama_engine import ORDER

from cortex.core.chat import Sampling
from cortex.core.job import Chosen, Logprob
from cortex.engines.base import Engine
from cortex.engines.llama.engine import Llama
from cortex.engines.llama.likely import drawn
from cortex.engines.llama.sampling import all_but


def expected(scores: dict[int, float]) -> dict[int, float]:
    """The logarithms of the probabilities, the plain way."""
    total = math.log(sum(math.exp(score) for score in scores.values()))
    return {token: score - total for token, score in scores.items()}


def test_probabilities_are_those_of_the_allowed_tokens(small: Llama) -> None:
    vocabulary = small._vocabulary
    logits = np.random.default_rng(1).normal(0, 3, vocabulary.size).astype(np.float32)
    banned = set(range(0, vocabulary.size, 3))
    right = expected({token: float(logits[token]) for token in range(vocabulary.size) if token not in banned})
    best = sorted(right, key=lambda token: -right[token])[:7]
    told = drawn(vocabulary, logits, all_but(banned, vocabulary.size), 4, 7)
    assert told.token.data == vocabulary.pieces[4]
    assert told.token.logprob == pytest.approx(right[4])
    assert [one.data for one in told.top] == [vocabulary.pieces[token] for token in best]
    assert [one.logprob for one in told.top] == pytest.approx([right[token] for token in best])


def test_fewer_are_likely_where_fewer_are_possible(small: Llama) -> None:
    vocabulary = small._vocabulary
    logits = np.full(vocabulary.size, -np.inf, dtype=np.float32)
    logits[[10, 20]] = 1
    told = drawn(vocabulary, logits, None, 20, 5)
    assert [one.logprob for one in told.top] == pytest.approx([math.log(0.5)] * 2)


@pytest.mark.parametrize("sampling", [GREEDY, Sampling(temperature=2, top_k=3, frequency_penalty=2, seed=5)])
def test_under_a_grammar_only_what_it_allows_counts(small: Engine, sampling: Sampling) -> None:
    """However the token is drawn, the probabilities are the model's own; both ways to spell a digit add up to 1."""
    digits = {str(digit).encode() for digit in range(10)}
    [outcome] = run(small, replace(job(grammar="start: /[0-9]{5}/"), logprobs=20, sampling=sampling))
    assert len(outcome.tokens) == 5
    for chosen in outcome.tokens:
        assert {one.data for one in chosen.top} == digits
        assert sum(math.exp(one.logprob) for one in chosen.top) == pytest.approx(1)
        assert chosen.token in chosen.top


def test_a_forced_token_is_certain(small: Engine) -> None:
    forced = replace(job(grammar='start: "exactly this"'), logprobs=2)
    [outcome] = run(small, forced)
    assert b"".join(chosen.token.data for chosen in outcome.tokens) == b"exactly this"
    assert all(chosen == Chosen(Logprob(chosen.token.data, 0.0), (chosen.token,)) for chosen in outcome.tokens)
    [bare] = run(small, replace(forced, logprobs=0))
    assert [chosen.top for chosen in bare.tokens] == [()] * len(outcome.tokens)


@pytest.mark.parametrize("most", [1, 2, 5, 11])
def test_tokens_are_cut_where_the_reply_is_cut(small: Engine, most: int) -> None:
    [outcome] = run(small, replace(job(grammar='start: /[ab]/ " and so on and on"', max_tokens=most), logprobs=1))
    assert len(outcome.tokens) == outcome.used.completion <= most
    assert b"".join(chosen.token.data for chosen in outcome.tokens) == outcome.data


@pytest.mark.model
def test_tokens_inside_a_call_are_told_too(coder: Engine) -> None:
    question = chat("Where is my order? Its id is order_70705.", grammar=ORDER)
    [told], [plain] = run(coder, replace(question, logprobs=3)), run(coder, question)
    assert b"".join(chosen.token.data for chosen in told.tokens) == told.data == plain.data
    assert len([chosen for chosen in told.tokens if chosen.token.logprob == 0]) >= told.used.forced
    assert max(len(chosen.top) for chosen in told.tokens) == 3


@pytest.mark.model
def test_greedy_says_the_likeliest_and_an_end_is_none_of_the_tokens_said(coder: Engine) -> None:
    question = replace(chat("What is the capital of France? Answer with one word."), logprobs=2)
    [outcome] = run(coder, question)
    assert outcome.finish == "stop"
    assert [chosen.token for chosen in outcome.tokens] == [chosen.top[0] for chosen in outcome.tokens]
    assert b"Paris" in outcome.tokens[0].token.data
    assert outcome.tokens[0].token.logprob > math.log(0.5)


@pytest.mark.model
def test_a_model_that_would_end_goes_on(coder: Engine) -> None:
    question = chat("What is the capital of France? Answer with one word.", max_tokens=40)
    [outcome] = run(coder, replace(question, ignore_eos=True))
    assert (outcome.finish, outcome.used.completion) == ("length", 40)


def test_a_grammar_ends_a_reply_that_ignores_ends(small: Engine) -> None:
    [open_, whole] = run(
        small,
        replace(job(grammar="start: /[a-c]*/", max_tokens=30), ignore_eos=True),
        replace(job(grammar='start: /[0-9]{3}/ "."', max_tokens=30), ignore_eos=True),
    )
    assert (open_.finish, open_.used.completion) == ("length", 30)
    assert (whole.finish, len(whole.data)) == ("stop", 4)


def test_an_end_is_drawn_where_nothing_else_is_allowed(small: Llama) -> None:
    """A grammar that names an end: after it nothing can come, and before it the model may not stop."""
    end = min(small._vocabulary.eog)
    [outcome] = run(small, replace(job(grammar=f'start: /[ab]{{3}}/ ( <[{end}]> | <[{end}]> "x" )'), ignore_eos=True))
    assert (outcome.finish, len(outcome.data)) == ("stop", 3)
