"""Logits -> the next token. Pure numpy: no model, no clock; never picks a token that the mask forbids.

The order is that of llama.cpp's default chain (common/common.h, `common_params_sampling`): logit bias, penalties,
top_k, typ_p, top_p, min_p, temperature, draw. So what narrows looks at the probabilities at temperature 1.

The draw is Gumbel's: the token whose score plus noise is the greatest, which draws each with its probability. The noise
is a function of the seed, the number of the draw and the token alone: what a seed draws does not hang on the order of
the candidates, which the rounding of batched kernels changes from one run to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cortex.core.chat import Sampling
from cortex.core.errors import BadRequest, EngineError
from cortex.engines.llama.narrow import Mirostat, heated, mirostat
from cortex.engines.llama.narrow import narrowed as narrowed_by

Logits = npt.NDArray[np.float32]  # one number a token of the vocabulary
Mask = npt.NDArray[np.int32]  # one bit a token, lowest bit first; 1 is allowed
Ids = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]

FEW = 512  # words of a mask: where no more of them are set, only these are looked at
NONE: Ids = np.empty(0, dtype=np.intp)
BLOCK, SPARE = 64, 4  # tokens of which the best is found first; candidates for each token that top_k leaves


class Grammar(Protocol):
    """What the next token has to keep to."""

    def allows(self, tokens: Iterable[int]) -> bool: ...
    def mask(self) -> Mask: ...


@dataclass(slots=True)
class Sampler:
    """Draws one job's tokens. `past` is its prompt at first: repeat_penalty looks back into it, as in llama.cpp.

    `key` is its randomness, of `random_key`. `breaks` are the tokens that end a line: penalties leave them alone where
    the request wants it.
    """

    sampling: Sampling
    key: int
    past: list[int] = field(default_factory=list)
    draws: int = 0
    said: Counter[int] = field(default_factory=Counter)
    breaks: frozenset[int] = frozenset()
    _mirostat: Mirostat | None = None

    def __post_init__(self) -> None:
        self._mirostat = mirostat(self.sampling)

    def sample(self, logits: Logits, mask: Mask | None = None) -> int:
        """The next token. It does not count as said before it is `accept`ed. EngineError where none can be drawn."""
        sparse = mask is not None and np.count_nonzero(mask) <= FEW
        return self._drawn(*self._candidates(logits, mask, NONE if sparse else self._best(logits)))

    def choose(self, logits: Logits, grammar: Grammar) -> tuple[int, Mask | None]:
        """The token that `sample` draws under the grammar's mask, and the mask, where one was needed: it changes
        nothing where the grammar allows all tokens that top_k leaves of the whole vocabulary."""
        best = self._best(logits)
        first = best[np.argsort(-logits[best], kind="stable")[: self._most]]
        if len(first) and grammar.allows(first.tolist()):
            return self._drawn(first, logits[first].astype(np.float64)), None
        mask = grammar.mask()
        return self._drawn(*self._candidates(logits, mask, best)), mask

    def _drawn(self, ids: Ids, scores: Floats) -> int:
        if not np.isfinite(scores.max(initial=-np.inf)):
            raise EngineError("no token can be drawn: the model computed no numbers, or the grammar allows no token")
        if self.sampling.temperature <= 0:
            return int(ids[scores.argmax()])
        self.draws += 1
        if self._mirostat:
            ids, scores = self._mirostat.narrowed(ids, heated(scores, self.sampling))
        else:
            ids, scores = narrowed_by(ids, scores, self.sampling)
            scores = heated(scores, self.sampling)
        drawn = int(np.argmax(scores + _noise(self.key, self.draws, ids)))
        if self._mirostat:
            self._mirostat.learn(scores, drawn)
        return int(ids[drawn])

    @property
    def _changes(self) -> bool:
        """Whether a bias or a penalty may change the logits."""
        wanted = self.sampling
        penalties = wanted.frequency_penalty or wanted.presence_penalty or wanted.repeat_penalty != 1
        return bool(wanted.logit_bias or penalties)

    @property
    def _most(self) -> int:
        """Of how many tokens one is drawn; 0: of all."""
        return 1 if self.sampling.temperature <= 0 else 0 if self._mirostat else self.sampling.top_k

    def _best(self, logits: Logits) -> Ids:
        """Tokens of which one is drawn unless a mask forbids too many; none where every token may be drawn, or where
        the vocabulary is small. All of 152,000 tokens take more than 1 ms to look at."""
        if self._most <= 0 or self._changes:
            return NONE
        return np.array([logits.argmax()]) if self._most == 1 else _leading(logits, SPARE * self._most)

    def _candidates(self, logits: Logits, mask: Mask | None, best: Ids) -> tuple[Ids, Floats]:
        """The tokens that may be drawn, rising, and their scores."""
        ids = best if mask is None else best[_are_in(mask, best)]
        if 0 < self._most <= len(ids):
            return ids, logits[ids].astype(np.float64)
        ids, scores = allowed(logits, mask)
        return ids, self._adjusted(ids, scores)

    def accept(self, tokens: Sequence[int]) -> None:
        """These tokens were said: drawn, or forced by the grammar."""
        self.past.extend(tokens)
        self.said.update(tokens)

    @property
    def _spared(self) -> frozenset[int]:
        return frozenset() if self.sampling.penalize_nl else self.breaks

    def _adjusted(self, ids: Ids, scores: Floats) -> Floats:
        """The scores with bias and penalties. Only tokens that are in `ids` are touched: a bias never adds one."""
        sampling = self.sampling
        if sampling.logit_bias:
            places, here = _places(ids, (token for token, _ in sampling.logit_bias))
            scores[places] += np.array([bias for _, bias in sampling.logit_bias])[here]
        if sampling.repeat_penalty != 1:
            places, _ = _places(ids, set(_recent(self.past, sampling.repeat_last_n)) - self._spared)
            scores[places] = _repeated(scores[places], sampling.repeat_penalty)
        if (sampling.frequency_penalty or sampling.presence_penalty) and self.said:
            said = {token: count for token, count in self.said.items() if token not in self._spared}
            places, here = _places(ids, said)
            counts = np.array(list(said.values()))[here]
            scores[places] -= counts * sampling.frequency_penalty + sampling.presence_penalty
        return scores


def check(sampling: Sampling, vocabulary: int) -> None:
    """BadRequest for what a model with so many tokens cannot obey."""
    for token, _ in sampling.logit_bias:
        if not 0 <= token < vocabulary:
            raise BadRequest(f"there is no token {token}: the model has {vocabulary} tokens", param="logit_bias")
    if len(dict(sampling.logit_bias)) < len(sampling.logit_bias):
        raise BadRequest("a token has more than one bias", param="logit_bias")


def allowed(logits: Logits, mask: Mask | None) -> tuple[Ids, Floats]:
    """The tokens that may be drawn, rising, and their logits."""
    if mask is None:
        return np.arange(len(logits)), logits.astype(np.float64)
    words = np.flatnonzero(mask)
    if len(words) > FEW:
        ids = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little").view(np.bool_))
    else:
        places = np.flatnonzero(np.unpackbits(mask[words].view(np.uint8), bitorder="little").view(np.bool_))
        ids = words[places // 32] * 32 + places % 32
    ids = ids[: np.searchsorted(ids, len(logits))]
    return ids, logits[ids].astype(np.float64)


def _leading(logits: Logits, count: int) -> Ids:
    """The tokens of the `count` greatest logits and some more, rising: all that are no less than the `count`th greatest
    of what blocks of tokens have as their best. None, where there are not so many blocks."""
    whole = len(logits) // BLOCK * BLOCK
    greatest = logits[:whole].reshape(BLOCK, -1).max(axis=0)  # a block's tokens lie far apart: the faster way round
    if len(greatest) < count:
        return NONE
    return np.flatnonzero(logits >= np.partition(greatest, -count)[-count])


def _are_in(mask: Mask, ids: Ids) -> npt.NDArray[np.bool_]:
    """Which of these tokens the mask allows."""
    found: npt.NDArray[np.bool_] = (mask[ids >> 5] >> (ids & 31) & 1).astype(np.bool_)
    return found


def all_but(tokens: Iterable[int], vocabulary: int) -> Mask:
    """A mask that allows every token of so many except these."""
    bits = np.zeros((vocabulary + 31) // 32 * 32, dtype=np.uint8)
    bits[:vocabulary] = 1
    bits[list(tokens)] = 0
    return np.packbits(bits, bitorder="little").view(np.int32)


def narrowed(mask: Mask | None, wanted: Mask) -> Mask | None:
    """What both allow; `mask` itself where that is nothing."""
    both = wanted if mask is None else mask & wanted
    return both if both.any() else mask


def random_key(seed: int | None) -> int:
    """Randomness for one job, 64 bits: the same for the same seed, fresh without one. Any integer is a seed."""
    mixed = np.random.SeedSequence(None if seed is None else seed % 2**64)
    return int(mixed.generate_state(1, np.uint64)[0])


def _noise(key: int, draw: int, ids: Ids) -> Floats:
    """Standard Gumbel noise for each token, of SplitMix64 (doi.org/10.1145/2660193.2660195) as a hash."""
    start = np.uint64((key + draw * 0x9E3779B97F4A7C15) % 2**64)
    bits = _mixed(_mixed(ids.astype(np.uint64)) + start)
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53  # inside (0, 1)
    noise: Floats = -np.log(-np.log(uniform))
    return noise


def _mixed(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _places(ids: Ids, tokens: Iterable[int]) -> tuple[Ids, npt.NDArray[np.bool_]]:
    """Where in `ids` (rising) these distinct tokens stand, and which of them do."""
    wanted = np.fromiter(tokens, dtype=np.intp)
    if not len(ids):
        return ids, np.zeros(len(wanted), dtype=np.bool_)
    places = np.minimum(ids.searchsorted(wanted), len(ids) - 1)
    here = ids[places] == wanted
    return places[here], here


def _recent(past: Sequence[int], count: int) -> Sequence[int]:
    """The last `count` tokens; all of them where it is negative, as in llama.cpp."""
    return past if count < 0 else past[max(0, len(past) - count) :]


def _repeated(scores: Floats, penalty: float) -> Floats:
    """CTRL's penalty (arXiv:1909.05858) with llama.cpp's care for negative scores, which division would raise."""
    return np.where(scores > 0, scores / penalty, scores * penalty)
