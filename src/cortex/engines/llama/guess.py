"""What one job tries beside the token that is due: of its prediction, of what was said before, or of what a small model
would say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from cortex.engines.constraint import Constraint
from cortex.engines.llama.draft import Draft, Guess
from cortex.engines.llama.lookup import Lookup
from cortex.engines.llama.prefix import common
from cortex.engines.llama.worth import Costs, Curve, Trust, another, matching, worthwhile

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


Pays = Callable[[float, Costs], bool]
# Asked for at most so many tokens after those said, it tells them, which of them the grammar decides, and how likely
# each is to the small model. It asks before each whether one pays that is so likely, given what it costs to guess.
Small = Callable[[int, Constraint | None, Pays], tuple[list[int], list[bool], list[float]]]


@dataclass(slots=True)
class Guesser:
    """Guesses change the work, never the reply. `ends` are the tokens that end a generation: they need not be tried.
    `small` is asked where nothing else is worth trying.

    `accepted` and `rejected` count the tokens of the prediction that were tried.
    """

    costs: Costs
    curve: Curve
    ends: Collection[int]
    draft: Draft | None
    lookup: Lookup | None
    small: Small | None = None
    accepted: int = 0
    rejected: int = 0
    _trust: Trust = field(default_factory=Trust)
    _faith: Trust = field(default_factory=Trust)  # in the small model
    _last: Tries = NOTHING
    _matches: list[int] = field(default_factory=list)
    _asked: bool = False
    _predicted: bool = False

    def said(self, tokens: list[int]) -> None:
        """These tokens were said, tried or not."""
        if self.draft:
            self.draft.said(tokens)
        if self.lookup:
            self.lookup.said(tokens)

    def tries(self, most: int, constraint: Constraint | None, streams: int, *, due: int = 1, depth: int = 0) -> Tries:
        """What is worth trying, of at most so many tokens, while so many jobs share the decode, in which this one has
        so many tokens due, and `depth` before them."""
        most, self._asked = min(most, MOST), False
        guess, self._predicted = self._guess(most)
        self._last = self._follow(guess.tokens, constraint).first(most)
        self._matches = [guess.match + guess.step * i for i in range(len(self._last))]
        length = worthwhile(self._matches, self._last.forced, self._trust, self.curve, streams, due, depth)
        if length or not self.small:
            return self._last.first(length)
        return self._ask(self.small, most, constraint, streams, depth)

    def _ask(self, small: Small, most: int, constraint: Constraint | None, streams: int, depth: int) -> Tries:
        likely, behind = 1.0, self.curve.share(depth)

        def pays(probability: float, own: Costs) -> bool:
            nonlocal likely
            likely *= self._faith.of(matching(probability))
            return another(likely, self.costs, own, streams, behind)

        tokens, forced, probabilities = small(most, constraint, pays)
        if tokens:
            self._asked, self._predicted = True, False
            self._last = Tries(tokens, forced).first(most)
            self._matches = [matching(probability) for probability in probabilities]
            return self._last
        return NOTHING

    def learn(self, tried: int, said: list[int]) -> None:
        """So many of the last guess were tried, and this was said."""
        right, trust = common(said, self._last.tokens), self._faith if self._asked else self._trust
        for i in range(min(right + 1, max(tried, 1), len(self._last))):
            if not self._last.forced[i]:
                trust.learn(self._matches[i], i < right)
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
