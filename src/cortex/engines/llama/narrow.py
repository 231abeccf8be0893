"""Which of the candidates stay, and how their scores are spread before one is drawn. Pure numpy.

The order is that of llama.cpp's default chain: top_k, typical, top_p, min_p, temperature. Mirostat takes the place of
all that narrows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cortex.core.chat import Sampling

Ids = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]

LIKELIEST: Final = 100  # tokens from which Mirostat's first version estimates how the probabilities fall


def narrowed(ids: Ids, scores: Floats, wanted: Sampling) -> tuple[Ids, Floats]:
    """What top_k, typ_p, top_p and min_p leave, in that order; never nothing. Best first, if any but top_k is on."""
    if 0 < wanted.top_k < len(ids):
        best = np.argpartition(scores, -wanted.top_k)[-wanted.top_k :]
        ids, scores = ids[best], scores[best]
    if wanted.top_p >= 1 and wanted.min_p <= 0 and wanted.typ_p >= 1:
        return ids, scores
    order = np.argsort(-scores, kind="stable")
    ids, scores = ids[order], scores[order]
    least = max(1, wanted.min_keep)
    if wanted.typ_p < 1:
        stay = _typical(softmax(scores), wanted.typ_p, least)
        ids, scores = ids[stay], scores[stay]
    if wanted.top_p < 1:
        keep = max(least, _reached(softmax(scores), wanted.top_p))
        ids, scores = ids[:keep], scores[:keep]
    if wanted.min_p > 0:
        keep = max(least, int(np.count_nonzero(scores >= scores[0] + np.log(wanted.min_p))))
        ids, scores = ids[:keep], scores[:keep]
    return ids, scores


def heated(scores: Floats, wanted: Sampling) -> Floats:
    """The scores at the request's temperature. With a range it is the lower the surer the model is: what their entropy
    is of the greatest possible, to the power of the exponent, says where in the range (arXiv:2309.02772)."""
    if wanted.dynatemp_range <= 0 or len(scores) < 2:
        return scores / wanted.temperature
    low, high = max(0.0, wanted.temperature - wanted.dynatemp_range), wanted.temperature + wanted.dynatemp_range
    part = _entropy(softmax(scores)) / float(np.log(len(scores)))
    return scores / max(low + (high - low) * float(part**wanted.dynatemp_exponent), 1e-6)


@dataclass(slots=True)
class Mirostat:
    """Keeps the surprise of what is said near `tau`, in bits (arXiv:2007.14966). `most` is the surprise that the next
    token may have; it learns by `eta` from what was drawn."""

    version: int
    tau: float
    eta: float
    most: float = 0.0

    def __post_init__(self) -> None:
        self.most = 2 * self.tau

    def narrowed(self, ids: Ids, scores: Floats) -> tuple[Ids, Floats]:
        """What may be drawn, best first; never nothing."""
        order = np.argsort(-scores, kind="stable")
        ids, scores = ids[order], scores[order]
        keep = self._falling(softmax(scores)) if self.version == 1 else self._surprising(softmax(scores))
        return ids[:keep], scores[:keep]

    def learn(self, scores: Floats, drawn: int) -> None:
        """Of the candidates with these scores this one was drawn."""
        surprise = -np.log2(max(softmax(scores)[drawn], 1e-300))
        self.most -= self.eta * (float(surprise) - self.tau)

    def _surprising(self, likely: Floats) -> int:
        return max(1, int(np.count_nonzero(-np.log2(np.maximum(likely, 1e-300)) <= self.most)))

    def _falling(self, likely: Floats) -> int:
        """How many tokens have this surprise in a Zipf distribution whose exponent the likeliest tell."""
        first = np.maximum(likely[:LIKELIEST], 1e-300)
        ranks = np.log((np.arange(1, len(first)) + 1) / np.arange(1, len(first)))
        steps = np.log(first[:-1] / first[1:])
        exponent = float((ranks * steps).sum() / (ranks * ranks).sum()) if len(first) > 1 else 1.0
        excess = exponent - 1
        if abs(excess) < 1e-9 or exponent <= 0:
            return len(likely)
        with np.errstate(all="ignore"):
            count = np.power(excess * 2.0**self.most / (1 - float(len(likely)) ** -excess), 1 / exponent)
        return max(1, int(min(count, len(likely)))) if np.isfinite(count) else len(likely)


def mirostat(wanted: Sampling) -> Mirostat | None:
    return Mirostat(wanted.mirostat, wanted.mirostat_tau, wanted.mirostat_eta) if wanted.mirostat else None


def softmax(scores: Floats) -> Floats:
    weights: Floats = np.exp(scores - scores.max())
    weights /= weights.sum()
    return weights


def _reached(likely: Floats, part: float) -> int:
    """How many of these it takes to reach this part of all."""
    return int(np.searchsorted(np.cumsum(likely), part)) + 1


def _typical(likely: Floats, part: float, least: int) -> npt.NDArray[np.intp]:
    """Those whose surprise is nearest to what is to be expected, until they make up this part (arXiv:2202.00666)."""
    with np.errstate(divide="ignore"):
        far = np.abs(-np.log(likely) - _entropy(likely))
    order = np.argsort(far, kind="stable")
    return np.sort(order[: max(least, _reached(likely[order], part))])


def _entropy(likely: Floats) -> float:
    some = likely[likely > 0]
    return float(-(some * np.log(some)).sum())
