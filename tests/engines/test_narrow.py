"""What stays of the candidates: by hand-made sums, and what the methods promise of many draws."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from cortex.core.chat import Sampling
from cortex.engines.llama.narrow import Floats, heated, narrowed, softmax
from cortex.engines.llama.sampling import Sampler, random_key

PLAIN = Sampling(temperature=1, top_p=1, top_k=0, min_p=0)


def scores(*parts: float) -> Floats:
    return np.log(np.array(parts))


def left(wanted: Sampling, *parts: float) -> set[int]:
    ids, _ = narrowed(np.arange(len(parts)), scores(*parts), wanted)
    return set(ids.tolist())


def test_typical_keeps_what_is_as_surprising_as_is_to_be_expected() -> None:
    """The entropy of 0.4, 0.2, 0.2, 0.1, 0.1 is 1.47: 0.2 (1.61) is nearest, then 0.4 (0.92; 0.1 is 2.30)."""
    parts = (0.4, 0.2, 0.2, 0.1, 0.1)
    assert left(replace(PLAIN, typ_p=0.3), *parts) == {1, 2}
    assert left(replace(PLAIN, typ_p=0.7), *parts) == {0, 1, 2}
    assert left(replace(PLAIN, typ_p=0.01), *parts) == {1}
    assert left(replace(PLAIN, typ_p=1.0), *parts) == {0, 1, 2, 3, 4}


def test_typical_comes_after_top_k_and_before_top_p() -> None:
    parts = (0.4, 0.2, 0.2, 0.1, 0.1)
    assert left(replace(PLAIN, typ_p=0.3, top_p=0.5), *parts) == {1}
    assert 0 in left(replace(PLAIN, typ_p=0.3, top_k=1), *parts)


@pytest.mark.parametrize("how", [{"top_p": 0.0}, {"min_p": 1.0}, {"typ_p": 0.0}])
def test_so_many_are_kept_at_least(how: dict[str, float]) -> None:
    parts = (0.5, 0.2, 0.15, 0.1, 0.05)
    assert len(left(replace(PLAIN, **how), *parts)) == 1
    assert len(left(replace(PLAIN, min_keep=3, **how), *parts)) == 3
    assert len(left(replace(PLAIN, min_keep=99, **how), *parts)) == 5


def test_the_temperature_is_low_where_the_model_is_sure_and_high_where_it_is_not() -> None:
    moving = replace(PLAIN, temperature=0.8, dynatemp_range=0.5)
    even, sure = scores(0.25, 0.25, 0.25, 0.25), scores(0.97, 0.01, 0.01, 0.01)
    assert heated(even, moving) == pytest.approx(even / 1.3)
    assert 0.3 < (sure / heated(sure, moving))[0] < 0.6
    assert (sure / heated(sure, replace(moving, dynatemp_exponent=3)))[0] < (sure / heated(sure, moving))[0]
    assert heated(sure, replace(moving, dynatemp_range=0)) == pytest.approx(sure / 0.8)
    assert heated(scores(1.0), moving) == pytest.approx(scores(1.0))


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("tau", [2.0, 4.0])
def test_mirostat_keeps_the_surprise_near_what_is_wanted(version: int, tau: float) -> None:
    """On a Zipf distribution of a thousand tokens, whose own mean surprise is far above."""
    wanted = replace(PLAIN, mirostat=version, mirostat_tau=tau, mirostat_eta=0.1, seed=3)
    sampler = Sampler(wanted, random_key(3))
    logits = scores(*(1 / np.arange(1, 1001))).astype(np.float32)
    likely = softmax(logits.astype(np.float64))
    assert float(-(likely * np.log2(likely)).sum()) > 6.5
    drawn = [sampler.sample(logits) for _ in range(600)]
    kept = likely[: max(drawn[200:]) + 1]
    surprise = [-np.log2(likely[token] / kept.sum()) for token in drawn[200:]]
    assert float(np.mean(surprise)) == pytest.approx(tau, abs=0.6)


def test_mirostat_never_leaves_nothing_and_takes_the_place_of_what_else_narrows() -> None:
    logits = np.zeros(50, dtype=np.float32)
    for version in (1, 2):
        strict = replace(PLAIN, mirostat=version, mirostat_tau=0, mirostat_eta=1, top_k=1)
        assert 0 <= Sampler(strict, 1).sample(logits) < 50
        free = replace(strict, mirostat_tau=20, mirostat_eta=0.01)
        assert len({Sampler(free, random_key(seed)).sample(logits) for seed in range(60)}) > 20
    assert Sampler(replace(PLAIN, mirostat=1, mirostat_tau=3), 1).sample(np.zeros(1, dtype=np.float32)) == 0


def test_a_seed_decides_mirostats_draws_too() -> None:
    wanted = replace(PLAIN, mirostat=2, mirostat_tau=3)
    logits = np.random.default_rng(1).normal(0, 2, 300).astype(np.float32)

    def told() -> list[int]:
        sampler = Sampler(wanted, random_key(7))
        return [sampler.sample(logits) for _ in range(30)]

    assert told() == told()
    assert len(set(told())) > 3


@pytest.mark.parametrize("penalty", [{"repeat_penalty": 5.0}, {"presence_penalty": 2.0}, {"frequency_penalty": 2.0}])
def test_ends_of_lines_are_spared_where_it_is_wanted(penalty: dict[str, float]) -> None:
    logits = np.array([3.0, 2.9, 2.0], dtype=np.float32)

    def first(**how: bool) -> int:
        wanted = replace(PLAIN, temperature=0, **penalty, **how)
        sampler = Sampler(wanted, 1, past=[0, 1], breaks=frozenset({0}))
        sampler.accept([0, 1])
        return sampler.sample(logits)

    assert (first(), first(penalize_nl=False)) == (2, 0)


def test_a_mask_holds_under_every_method() -> None:
    logits = np.random.default_rng(2).normal(0, 3, 64).astype(np.float32)
    mask = np.array([0b10100, 0b1], dtype=np.int32)
    for wanted in (replace(PLAIN, mirostat=1), replace(PLAIN, mirostat=2), replace(PLAIN, typ_p=0.2, dynatemp_range=1)):
        sampler = Sampler(wanted, 5)
        assert set(Counter(sampler.sample(logits, mask) for _ in range(200))) <= {2, 4, 32}
