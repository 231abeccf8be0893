"""The tokens of a prompt, told as those of a reply are: how likely each was after those before it. Pure numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cortex.core.job import Chosen
from cortex.engines.llama import likely
from cortex.engines.llama.sampling import Logits
from cortex.engines.llama.vocabulary import Vocabulary


@dataclass(slots=True, eq=False)
class Echo:
    """`next` is the first of the prompt's tokens that is not told yet: at first the first one that the client gave.
    `top` of the likeliest come with each."""

    vocabulary: Vocabulary
    tokens: list[int]
    top: int
    next: int

    @property
    def wanted(self) -> int | None:
        """The first position whose logits are wanted."""
        return max(0, self.next - 1) if self.next < len(self.tokens) else None

    def decoded(self, end: int, after: Callable[[int], Logits]) -> tuple[Chosen | bytes, ...]:
        """What can be told when the tokens before position `end` are decoded; `after` gives the logits after one."""
        begin, self.next = self.next, min(end + 1, len(self.tokens))
        return tuple(self._told(at, after) for at in range(begin, self.next))

    def _told(self, at: int, after: Callable[[int], Logits]) -> Chosen | bytes:
        token = self.tokens[at]
        if at == 0:
            return self.vocabulary.pieces[token]
        return likely.drawn(self.vocabulary, after(at - 1), None, token, self.top)
