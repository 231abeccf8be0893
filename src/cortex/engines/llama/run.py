"""One job on its way through the engine: what it has said, and what it says next. Decodes nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from cortex.core.job import Chosen, Finish, Job, Piece, Usage
from cortex.engines.constraint import Constraint
from cortex.engines.llama import likely
from cortex.engines.llama.sampling import Logits, Mask, Sampler, narrowed
from cortex.engines.llama.slots import Flow
from cortex.engines.llama.vocabulary import Vocabulary


@dataclass(slots=True, eq=False)
class Run:
    """The job's tokens (`flow`; the first `prompt` of them are the prompt's), and what decides the next.

    At most `limit` tokens are said. `lasting` are the tokens that end no generation, where the job goes on past ends.
    """

    job: Job
    flow: Flow
    vocabulary: Vocabulary
    sampler: Sampler
    constraint: Constraint | None
    lasting: Mask | None
    prompt: int
    limit: int
    forced: int = 0
    decodes: int = 0
    told: list[Chosen] = field(default_factory=list)  # of the tokens that are in no piece yet

    @property
    def said(self) -> int:
        return len(self.flow.tokens) - self.prompt

    @property
    def usage(self) -> Usage:
        cached = min(self.flow.cached or 0, self.prompt)
        return Usage(self.prompt, self.said, cached, self.forced, self.decodes)

    def begin(self) -> Piece:
        """What the grammar forces from the start: it needs no decode."""
        return self._piece(0, self._say([]))

    def go_on(self, logits: Logits) -> Piece:
        """What is said where the tokens so far give these logits."""
        self.decodes += 1
        return self._piece(self.said, self._draw(logits))

    def _draw(self, logits: Logits) -> Finish | None:
        mask = self._mask()
        token = self.sampler.sample(logits, mask)
        if token in self.vocabulary.eog:
            return "stop"
        if self.job.logprobs is not None:
            self.told.append(likely.drawn(self.vocabulary, logits, mask, token, self.job.logprobs))
        if self.constraint:
            self.constraint.consume(token)
        return self._say([token])

    def _mask(self) -> Mask | None:
        mask = self.constraint.mask() if self.constraint else None
        return mask if self.lasting is None else narrowed(mask, self.lasting)

    def _say(self, tokens: list[int]) -> Finish | None:
        """Say these tokens, then those that the grammar forces; the reply ends where that is all."""
        forced = self.constraint.forced() if self.constraint else []
        ends = next((i for i, token in enumerate(forced) if token in self.vocabulary.eog), None)
        new = [*tokens, *forced[:ends]]
        whole = ends is not None or (self.constraint is not None and self.constraint.finished)
        said = new[: self.limit - self.said]
        self.forced += len(said) - len(tokens)
        self.flow.tokens += said
        self.sampler.accept(said)
        if self.job.logprobs is not None:
            top = self.job.logprobs
            self.told += [likely.forced(self.vocabulary, token, top) for token in said[len(tokens) :]]
        return self._finish(whole and len(said) == len(new))

    def _finish(self, whole: bool) -> Finish | None:
        if whole:
            return "stop"
        return "length" if self.said >= self.limit else None

    def _piece(self, begin: int, finish: Finish | None) -> Piece:
        """All that was said after the first `begin` tokens."""
        told, self.told = tuple(self.told), []
        data = self.vocabulary.text(self.flow.tokens[self.prompt + begin :])
        return Piece(self.flow.number, data, finish, self.usage, told)
