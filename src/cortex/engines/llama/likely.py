"""How likely a token was, and what else was likely. Pure numpy, over the allowed tokens only; draws nothing."""

from __future__ import annotations

import numpy as np

from cortex.core.job import Chosen, Logprob
from cortex.engines.llama.sampling import Floats, Logits, Mask, allowed
from cortex.engines.llama.vocabulary import Vocabulary


def drawn(vocabulary: Vocabulary, logits: Logits, mask: Mask | None, token: int, top: int) -> Chosen:
    """What is to be told of a token that was drawn from these logits; `top` of the likeliest with it."""
    ids, scores = allowed(logits, mask)
    scores -= scores.max() + np.log(np.exp(scores - scores.max()).sum())
    own, *others = (
        Logprob(vocabulary.pieces[ids[place]], float(scores[place]))
        for place in (int(ids.searchsorted(token)), *_best(scores, top))
    )
    return Chosen(own, tuple(others))


def forced(vocabulary: Vocabulary, token: int, top: int) -> Chosen:
    """What is to be told of a token that nothing else could stand for: it is certain."""
    own = Logprob(vocabulary.text([token]), 0.0)
    return Chosen(own, (own,)[:top])


def _best(scores: Floats, count: int) -> list[int]:
    """The places of the highest scores, best first; those of no probability at all are none."""
    count = min(count, int(np.isfinite(scores).sum()))
    if not count:
        return []
    found = np.argpartition(scores, -count)[-count:]
    places: list[int] = found[np.lexsort((found, -scores[found]))].tolist()
    return places
