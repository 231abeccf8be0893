"""What one job tries beside the token that is due: from its prediction, or from what was said before. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from cortex.engines.constraint import Constraint
from cortex.engines.llama.draft import Draft, Guess
from cortex.engines.llama.lookup import Lookup
from cortex.engines.llama.prefix import common
from cortex.engines.llama.worth import Costs, Trust, worthwhile

MOST: Final = 32  # tokens tried in one decode


@dataclass(frozen=True, slots=True)
class Tries:
    """Tokens to try, and which of them the grammar decides once those before are right: their logits are not needed."""

    tokens: list[int] = field(default_factory=list)
    forced: list[bool] = field(default_factory=list)

    @property
    def wanted(self) -> list[bool]:
        """Of which tokens the logits are needed."""
        return [not decided for decided in [*self.forced[1:], False]] if self.tokens else []

    def first(self, count: int) -> Tries:
        return Tries(self.tokens[:count], self.forced[:count])

    def __len__(self) -> int:
        return len(self.tokens)


NOTHING: Final = Tries()


@dataclass(slots=True)
class Guesser:
    """Guesses change the work, never the reply. `ends` are the tokens that end a generation: they need not be tried.

    `accepted` and `rejected` count the tokens of the prediction that were tried.
    """

    costs: Costs
    ends: Collection[int]
    draft: Draft | None
    lookup: Lookup | None
    accepted: int = 0
    rejected: int = 0
    _trust: Trust = field(default_factory=Trust)
    _last: Tries = NOTHING
    _match: int = 0
    _predicted: bool = False

    def said(self, tokens: list[int]) -> None:
        """These tokens were said, tried or not."""
        if self.draft:
            self.draft.said(tokens)
        if self.lookup:
            self.lookup.said(tokens)

    def tries(self, most: int, constraint: Constraint | None, streams: int) -> Tries:
        """What is worth trying, of at most so many tokens, while so many jobs share the decode."""
        most = min(most, MOST)
        guess, self._predicted = self._guess(most)
        self._last = self._follow(guess.tokens, constraint).first(most)
        self._match = guess.match
        return self._last.first(worthwhile(guess.match, self._last.forced, self._trust, self.costs, streams))

    def learn(self, tried: int, said: list[int]) -> None:
        """So many of the last guess were tried, and this was said."""
        right = common(said, self._last.tokens)
        for i in range(min(right + 1, max(tried, 1), len(self._last))):
            if not self._last.forced[i]:
                self._trust.learn(self._match + i, i < right)
        if self._predicted and self.draft and tried:
            self.draft.learn(right)
            self.accepted += min(right, tried)
            self.rejected += tried - min(right, tried)

    def _guess(self, most: int) -> tuple[Guess, bool]:
        """A guess, and whether it is the prediction's."""
        guess = self.draft.next(most) if self.draft else Guess([], 0)
        if guess.tokens or not self.lookup:
            return guess, True
        return self.lookup.next(most), False

    def _follow(self, guess: Sequence[int], constraint: Constraint | None) -> Tries:
        tokens = self._before_end(guess)
        if not constraint:
            return Tries(tokens, [False] * len(tokens))
        tokens, forced = constraint.ahead(tokens)
        tokens = self._before_end(tokens)
        return Tries(tokens, forced[: len(tokens)])

    def _before_end(self, tokens: Sequence[int]) -> list[int]:
        end = next((i for i, token in enumerate(tokens) if token in self.ends), len(tokens))
        return list(tokens[:end])
