"""Drawing tokens: numpy only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex.core.chat import Sampling
from cortex.core.errors import BadRequest, EngineError
from cortex.engines.llama.sampling import Logits, Mask, Sampler, allowed, check, random_key

PLAIN = Sampling(temperature=1, top_p=1, top_k=0, min_p=0)
GREEDY = replace(PLAIN, temperature=0)


def logits(*values: float) -> Logits:
    return np.array(values, dtype=np.float32)


def mask(allowed: Sequence[int], size: int) -> Mask:
    bits = np.zeros((size + 31) // 32 * 32, dtype=np.uint8)
    bits[list(allowed)] = 1
    return np.packbits(bits, bitorder="little").view(np.int32)


def sampler(sampling: Sampling, past: Sequence[int] = (), seed: int = 0) -> Sampler:
    return Sampler(sampling, random_key(seed), past=list(past))


def drawn(sampling: Sampling, scores: Logits, count: int = 2000, may: Mask | None = None) -> Counter[int]:
    one = sampler(sampling)
    return Counter(one.sample(scores, may) for _ in range(count))


def test_temperature_zero_takes_the_best() -> None:
    assert sampler(GREEDY).sample(logits(1, 5, 3)) == 1


def test_temperature_zero_takes_the_best_that_is_allowed() -> None:
    assert sampler(GREEDY).sample(logits(1, 5, 3), mask([0, 2], 3)) == 2


@given(st.data())
def test_a_masked_token_is_never_drawn(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 100))
    allowed = data.draw(st.sets(st.integers(0, size - 1), min_size=1))
    banned = sorted(set(range(size)) - allowed)
    sampling = Sampling(
        temperature=data.draw(st.sampled_from([0, 0.1, 1, 2])),
        top_k=data.draw(st.sampled_from([0, 1, 5, 1000])),
        top_p=data.draw(st.sampled_from([0, 0.5, 1])),
        min_p=data.draw(st.sampled_from([0, 0.1, 1])),
        frequency_penalty=data.draw(st.sampled_from([-2, 0, 2])),
        presence_penalty=data.draw(st.sampled_from([-2, 0, 2])),
        repeat_penalty=data.draw(st.sampled_from([0.5, 1, 1.5])),
        logit_bias=tuple((token, 100.0) for token in banned),
    )
    one = sampler(sampling, past=banned)
    one.accept(banned)
    scores = np.array(data.draw(st.lists(st.floats(-50, 50, width=32), min_size=size, max_size=size)), np.float32)
    assert one.sample(scores, mask(sorted(allowed), size)) in allowed


@pytest.mark.parametrize("count", [1, 3, 40, 20_000, 40_000])
def test_of_few_allowed_tokens_and_of_many_the_likeliest_is_taken(count: int) -> None:
    size, draw = 40_000, np.random.default_rng(count)
    scores = draw.normal(0, 3, size).astype(np.float32)
    may = np.sort(draw.choice(size, count, replace=False))
    ids, values = allowed(scores, mask(may.tolist(), size))
    assert (ids == may).all()
    assert (values == scores[may]).all()
    assert sampler(GREEDY).sample(scores, mask(may.tolist(), size)) == may[scores[may].argmax()]


def test_bits_beyond_the_vocabulary_allow_nothing() -> None:
    every = np.full(4, -1, dtype=np.int32)
    assert allowed(np.zeros(100, dtype=np.float32), every)[0].tolist() == list(range(100))


def test_a_seed_decides_every_draw() -> None:
    scores = logits(*np.linspace(0, 1, 50))
    runs = [[one.sample(scores) for _ in range(20)] for one in (sampler(PLAIN, seed=7) for _ in range(2))]
    assert runs[0] == runs[1]
    other = sampler(PLAIN, seed=8)
    assert [other.sample(scores) for _ in range(20)] != runs[0]


@pytest.mark.parametrize("seed", [-1, 0, 2**64, 2**80, -(2**70)])
def test_every_integer_is_a_seed(seed: int) -> None:
    assert random_key(seed) == random_key(seed)


def test_without_a_seed_draws_differ() -> None:
    assert random_key(None) != random_key(None)


def test_draws_follow_the_probabilities() -> None:
    counts = drawn(PLAIN, np.log(np.array([0.7, 0.2, 0.1], dtype=np.float32)))
    assert [round(counts[token] / 2000, 1) for token in range(3)] == [0.7, 0.2, 0.1]


def test_a_high_temperature_flattens_and_a_low_one_sharpens() -> None:
    scores = np.log(np.array([0.6, 0.4], dtype=np.float32))
    hot, cold = drawn(replace(PLAIN, temperature=10), scores), drawn(replace(PLAIN, temperature=0.05), scores)
    assert hot[1] > 800
    assert cold[1] < 20


def test_top_k_leaves_the_best() -> None:
    assert set(drawn(replace(PLAIN, top_k=2), logits(1, 1.2, 1.1, 1.3))) == {1, 3}


def test_top_p_leaves_the_fewest_that_reach_it() -> None:
    scores = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))
    assert set(drawn(replace(PLAIN, top_p=0.6), scores)) == {0, 1}


def test_top_p_zero_leaves_the_best() -> None:
    assert set(drawn(replace(PLAIN, top_p=0), logits(1, 2, 1.9))) == {1}


def test_min_p_leaves_those_not_much_below_the_best() -> None:
    scores = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))
    assert set(drawn(replace(PLAIN, min_p=0.5), scores)) == {0, 1}


def test_top_p_looks_at_probabilities_before_the_temperature() -> None:
    scores = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))
    assert set(drawn(replace(PLAIN, top_p=0.6, temperature=100), scores)) == {0, 1}


def test_narrowing_looks_at_the_allowed_tokens_only() -> None:
    scores = logits(9, 1, 1.1, 8)
    assert set(drawn(replace(PLAIN, top_k=1), scores, may=mask([1, 2], 4))) == {2}
    assert set(drawn(replace(PLAIN, min_p=0.5), scores, may=mask([1, 2], 4))) == {1, 2}


def test_a_bias_lifts_and_bans() -> None:
    assert sampler(replace(GREEDY, logit_bias=((2, 10.0),))).sample(logits(5, 4, 0)) == 2
    assert sampler(replace(GREEDY, logit_bias=((0, -100.0),))).sample(logits(5, 4, 0)) == 1


def test_a_bias_never_allows_what_the_grammar_forbids() -> None:
    one = sampler(replace(GREEDY, logit_bias=((0, 100.0), (1, 1.0))))
    assert one.sample(logits(5, 4, 4.5), mask([1, 2], 3)) == 1


@pytest.mark.parametrize("token", [-1, 10, 2**40])
def test_a_bias_for_a_token_that_does_not_exist_is_refused(token: int) -> None:
    with pytest.raises(BadRequest) as caught:
        check(replace(PLAIN, logit_bias=((token, 1.0),)), 10)
    assert caught.value.param == "logit_bias"


def test_presence_counts_once_and_frequency_each_time() -> None:
    scores = logits(3, 2.5, 0)
    present = sampler(replace(GREEDY, presence_penalty=0.4))
    present.accept([0, 0, 0])
    assert present.sample(scores) == 0
    frequent = sampler(replace(GREEDY, frequency_penalty=0.4))
    frequent.accept([0, 0, 0])
    assert frequent.sample(scores) == 1


def test_openais_penalties_leave_the_prompt_alone() -> None:
    assert sampler(replace(GREEDY, presence_penalty=2), past=[0]).sample(logits(3, 2, 0)) == 0


def test_repeat_penalty_looks_back_so_many_tokens_into_the_prompt() -> None:
    scores = logits(3, 2, 0)
    assert sampler(replace(GREEDY, repeat_penalty=2.0, repeat_last_n=2), past=[0, 5]).sample(scores) == 1
    assert sampler(replace(GREEDY, repeat_penalty=2.0, repeat_last_n=1), past=[0, 5]).sample(scores) == 0
    assert sampler(replace(GREEDY, repeat_penalty=2.0, repeat_last_n=0), past=[0]).sample(scores) == 0
    assert sampler(replace(GREEDY, repeat_penalty=2.0, repeat_last_n=-1), past=[0, 5, 6]).sample(scores) == 1


def test_repeat_penalty_lowers_negative_scores_too() -> None:
    assert sampler(replace(GREEDY, repeat_penalty=2.0), past=[0]).sample(logits(-1, -1.5)) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_no_numbers_are_an_error(value: float) -> None:
    with pytest.raises(EngineError):
        sampler(PLAIN).sample(np.full(4, value, dtype=np.float32))


def test_a_mask_that_allows_nothing_is_an_error() -> None:
    with pytest.raises(EngineError):
        sampler(replace(PLAIN, logit_bias=((0, 1.0),))).sample(logits(1, 2), mask([], 2))


def test_what_a_seed_draws_does_not_hang_on_rounding() -> None:
    sampling = Sampling(temperature=1, top_k=40, top_p=0.95)
    scores = np.random.default_rng(3).normal(0, 0.01, 500).astype(np.float32)  # hardly told apart: order is chance
    rough = scores + np.random.default_rng(4).normal(0, 1e-6, 500).astype(np.float32)
    first, second = sampler(sampling), sampler(sampling)
    same = sum(first.sample(scores) == second.sample(rough) for _ in range(300))
    assert same >= 290


@settings(max_examples=50)
@given(st.data())
def test_of_a_large_vocabulary_the_best_are_found_without_a_look_at_the_others(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from([2000, 12_800, 20_011]))
    numbers = np.random.default_rng(data.draw(st.integers(0, 99)))
    scores = (numbers.permutation(size) * np.float32(30 / size)).astype(np.float32)  # no two are equal
    share = data.draw(st.sampled_from([None, 0.5, 0.02, 0.0001]))
    allowed = None if share is None else mask(sorted({5, *np.flatnonzero(numbers.random(size) < share)}), size)
    sampling = Sampling(
        temperature=data.draw(st.sampled_from([0, 0.7])),
        top_k=data.draw(st.sampled_from([1, 40, 1000])),
        top_p=data.draw(st.sampled_from([0.9, 1])),
        frequency_penalty=data.draw(st.sampled_from([0, 1])),
    )
    looks_at_all = replace(sampling, logit_bias=((0, 0.0),))
    one, other = sampler(sampling), sampler(looks_at_all)
    draws = [(one.sample(scores, allowed), other.sample(scores, allowed)) for _ in range(5)]
    assert [mine for mine, _ in draws] == [full for _, full in draws]
    assert allowed is None or all(allowed[token // 32] >> token % 32 & 1 for pair in draws for token in pair)


class Held:
    """A grammar that allows what its mask says, and counts how often it was asked for the mask."""

    def __init__(self, may: Mask) -> None:
        self.may, self.asked = may, 0

    def allows(self, tokens: Iterable[int]) -> bool:
        return all(self.may[token // 32] >> token % 32 & 1 for token in tokens)

    def mask(self) -> Mask:
        self.asked += 1
        return self.may


CHOOSING = [GREEDY, Sampling(top_k=40), Sampling(top_k=3, min_p=0.1), Sampling(top_k=1), Sampling(top_k=1000), PLAIN]


@pytest.mark.parametrize("sampling", [*CHOOSING, replace(GREEDY, repeat_penalty=2)])
@pytest.mark.parametrize("share", [1, 0.9, 0.3, 0.001])
def test_a_grammar_leaves_the_same_choice_with_a_mask_and_without(sampling: Sampling, share: float) -> None:
    numbers = np.random.default_rng(3)
    may = mask([5, *np.flatnonzero(numbers.random(20_000) < share)], 20_000)
    one, other, held = sampler(sampling, past=[7]), sampler(sampling, past=[7]), Held(may)
    for _ in range(20):
        scores = numbers.permutation(20_000).astype(np.float32) / 1000
        assert one.choose(scores, held)[0] == other.sample(scores, may)


@pytest.mark.parametrize("sampling", CHOOSING[:4])
def test_no_mask_is_asked_for_where_all_that_top_k_leaves_is_allowed(sampling: Sampling) -> None:
    scores = np.random.default_rng(3).permutation(20_000).astype(np.float32) / 1000
    best = np.argsort(-scores)[: 1 if sampling.temperature == 0 else sampling.top_k].tolist()
    all_allowed, one_missing = Held(mask(best, 20_000)), Held(mask([7, *best[:-1]], 20_000))
    assert sampler(sampling).choose(scores, all_allowed)[1] is None
    assert sampler(sampling).choose(scores, one_missing)[1] is one_missing.may
    assert (all_allowed.asked, one_missing.asked) == (0, 1)


def test_of_equals_in_a_large_vocabulary_the_first_is_the_best() -> None:
    scores = np.zeros(20_000, dtype=np.float32)
    assert sampler(GREEDY).sample(scores) == 0
    assert sampler(GREEDY).sample(scores, mask(range(700, 20_000), 20_000)) == 700


def test_a_large_vocabulary_of_no_numbers_is_an_error() -> None:
    with pytest.raises(EngineError, match="no token can be drawn"):
        sampler(Sampling()).sample(np.full(20_000, np.nan, dtype=np.float32))
