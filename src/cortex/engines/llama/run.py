"""One job on its way through the engine: what it has said, and what it says next. Decodes nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cortex.core.errors import BadRequest, TooLong
from cortex.core.job import Chosen, Finish, Job, Piece, Usage
from cortex.engines.constraint import Constraint
from cortex.engines.llama import likely
from cortex.engines.llama.echo import Echo
from cortex.engines.llama.flow import Flow
from cortex.engines.llama.guess import Guesser
from cortex.engines.llama.prefix import common
from cortex.engines.llama.sampling import Logits, Mask, Sampler, narrowed
from cortex.engines.llama.vocabulary import Vocabulary

Rows = Callable[[int], Logits]  # the logits after the tokens so far and this many of those that were tried


@dataclass(slots=True, eq=False)
class Run:
    """The job's tokens (`flow`; the first `prompt` of them are the prompt's), and what decides the next.

    At most `limit` tokens are said. `lasting` are the tokens that end no generation, where the job goes on past ends.
    Drafts change the work, never the reply: what was tried is said only where it is also drawn, from the same logits
    and with the same numbers as without a draft.
    """

    job: Job
    flow: Flow
    vocabulary: Vocabulary
    sampler: Sampler
    constraint: Constraint | None
    lasting: Mask | None
    guesser: Guesser | None
    prompt: int
    limit: int
    echo: Echo | None = None
    begun: bool = False
    forced: int = 0
    decodes: int = 0
    told: list[Chosen] = field(default_factory=list)  # of the tokens that are in no piece yet

    @property
    def said(self) -> int:
        return len(self.flow.tokens) - self.prompt

    @property
    def usage(self) -> Usage:
        cached = min(self.flow.cached or 0, self.prompt)
        tried = {"accepted": self.guesser.accepted, "rejected": self.guesser.rejected} if self.guesser else {}
        return Usage(self.prompt, self.said, cached, self.forced, self.decodes, **tried)

    def begin(self, streams: int) -> Piece:
        """What the grammar forces from the start: it needs no decode. Where the prompt is echoed, that comes first. So
        many jobs will share the next decode."""
        if self.echo:
            return self._piece(0, None)
        finish = self._begin()
        self._guess(finish, streams, due=self.prompt)
        return self._piece(0, finish)

    def _begin(self) -> Finish | None:
        self.begun = True
        return self._say([])

    def go_on(self, rows: Rows, tried: list[int], streams: int) -> Piece:
        """What is said after the tokens so far, and on as long as it is what was tried."""
        self.decodes += 1
        begin, said = self.said, 0
        finish = None if self.begun else self._begin()
        while finish is None and self._since(begin) == tried[:said]:
            finish = self._draw(rows(said))
            said = self.said - begin
        new = self._since(begin)
        if self.guesser:
            self.guesser.learn(len(tried), new)
        self._guess(finish, streams, due=len(new) - common(new, tried))
        return self._piece(begin, finish)

    def _since(self, begin: int) -> list[int]:
        """The tokens said after the first `begin`."""
        return self.flow.tokens[self.prompt + begin :]

    def _guess(self, finish: Finish | None, streams: int, due: int) -> None:
        """What to try beside the tokens that are due: the grammar and the limit have to allow it."""
        if self.guesser and finish is None:
            most, depth = self.limit - self.said - 1, len(self.flow.tokens)
            self.flow.draft = self.guesser.tries(most, self.constraint, streams, due=due, depth=depth)

    def _draw(self, logits: Logits) -> Finish | None:
        token, mask = self._choice(logits)
        if token in self.vocabulary.eog:
            return "stop"
        if self.job.logprobs is not None:
            self.told.append(likely.drawn(self.vocabulary, logits, mask, token, self.job.logprobs))
        if self.constraint:
            self.constraint.consume(token)
        return self._say([token])

    def _choice(self, logits: Logits) -> tuple[int, Mask | None]:
        """The next token, and the mask under which it was drawn, where one was needed."""
        if self.constraint and self.lasting is None and self.job.logprobs is None:
            return self.sampler.choose(logits, self.constraint)
        mask = self._mask()
        return self.sampler.sample(logits, mask), mask

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
        if self.guesser:
            self.guesser.said(said)
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
        data = self.vocabulary.text(self._since(begin))
        return Piece(self.flow.number, data, finish, self.usage, told)


def limit_of(prompt: int, job: Job, context: int) -> int:
    """How many tokens may be said after a prompt of so many."""
    check_length(prompt, job, context)
    if job.max_tokens is not None and job.max_tokens < 0:
        raise BadRequest(f"max_tokens is {job.max_tokens}: a reply cannot have less than none", param="max_tokens")
    return min(context if job.max_tokens is None else job.max_tokens, context - prompt)


def check_length(tokens: int, job: Job, context: int) -> None:
    """TooLong where a prompt of so many tokens leaves no room for a reply; BadRequest where it has none."""
    if not tokens:
        raise BadRequest("the prompt is empty", param=job.source)
    if tokens >= context:
        fits = f"{context - 1}" if job.embed else f"{context}, reply included"
        raise TooLong(
            f"the prompt has {tokens} tokens and the context takes {fits}: shorten {job.source}, "
            "or load the model with a larger context",
            param=job.source,
        )
