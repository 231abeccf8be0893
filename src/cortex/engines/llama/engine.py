"""The embedded engine: `submit`, `step` (schedule, decode, draw), `cancel`. Called from one thread; never waits."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from cortex.core.errors import BadRequest, CortexError, EngineError, LoadError
from cortex.core.job import Cut, Failure, Finish, Job, Piece, Segment
from cortex.engines.base import Load, Progress, check_tokens
from cortex.engines.constraint import Grammars, llama_tokenizer
from cortex.engines.llama import curve, machine, sampling, small, waiting
from cortex.engines.llama.abi import CACHE_TYPES, PINNED, POOLING_RANK
from cortex.engines.llama.aside import Aside, slack_of
from cortex.engines.llama.context import Context, Shape
from cortex.engines.llama.draft import Draft
from cortex.engines.llama.echo import Echo
from cortex.engines.llama.embedding import Embedder
from cortex.engines.llama.extra import Extra, cells_of, context_of, extra_of, shelf_of
from cortex.engines.llama.flow import Chunk, Flow
from cortex.engines.llama.guess import Guesser
from cortex.engines.llama.keeper import Keeper
from cortex.engines.llama.lookup import Lookup
from cortex.engines.llama.measured import recalled
from cortex.engines.llama.model import Model, Settings
from cortex.engines.llama.pace import FIRST, LEAST_PREFILL, Pace
from cortex.engines.llama.run import Run, check_length, limit_of
from cortex.engines.llama.said import Said
from cortex.engines.llama.sampling import Sampler
from cortex.engines.llama.shelf import fingerprint
from cortex.engines.llama.slots import Slots
from cortex.engines.llama.small import Small
from cortex.engines.llama.vocabulary import Vocabulary
from cortex.engines.llama.warm import Meter, Speed
from cortex.engines.llama.worth import Costs, Curve

logger = logging.getLogger(__name__)

IDLE: Final = 28  # sequences beside those that run
TAIL: Final = 8  # tokens of replies that have ended, decoded at once while nobody waits: a request may come meanwhile
DRAFTS: Final = 32  # tokens that one step may try, or tell of a prompt: each costs a row of logits


class Llama:
    """A model in this process. `context` is the most tokens that one request's prompt and reply take together."""

    def __init__(self, load: Load, progress: Progress) -> None:
        extra = extra_of(load)
        settings = Settings(load.path, load.gpu_layers, extra.check_memory)
        self._model = Model(settings, lambda fraction: progress(0.9 * fraction))
        try:
            self._start(load, extra)
        except CortexError:
            self._model.close()
            raise
        progress(1.0)

    def _start(self, load: Load, extra: Extra) -> None:
        model = self._model
        self._vocabulary, self.context = model.vocabulary, context_of(load, model)
        cells = extra.cells or cells_of(self.context, load.parallel)
        if cells < self.context:
            raise LoadError(f"a cache of {cells} tokens cannot hold one request's {self.context}: raise `cells`")
        model.check_cache(cells, extra.cache_type)
        # Idle sequences cost no memory of their own: the cells decide how many chats of a while ago are kept. Recurrent
        # models do pay for each.
        lanes = load.parallel + IDLE if model.rewinds else load.parallel
        threads = [load.threads] if load.threads else machine.candidates()
        shape = Shape(
            cells=cells,
            lanes=lanes,
            threads=threads[0],
            rows=load.parallel + DRAFTS,
            cache_type=extra.cache_type,
            scratch=model.rewinds,
            flash_attention=extra.flash_attention,
        )
        self._decoder = Context(model, shape)
        self._slots = Slots(
            self._decoder,
            lanes=lanes,
            parallel=load.parallel,
            cells=self._decoder.cells,
            rewinds=model.rewinds,
            drafts=DRAFTS,
        )
        self._pace = Pace(self._decoder.batch - load.parallel - LEAST_PREFILL)
        self._grammars = _grammars(self._vocabulary) if model.causal else None
        self._lasting = sampling.all_but(self._vocabulary.eog, self._vocabulary.size)
        shelf = shelf_of(load, extra, whole=not model.rewinds)
        self._keeper = Keeper(self._decoder, self._slots, shelf, rewinds=model.rewinds)
        self._said = Said(self._vocabulary.pieces, self._vocabulary.special, self._vocabulary.plainly)
        self._runs: dict[int, Run] = {}
        self._ready: list[Piece | Failure] = []
        speed = self._warm_up(load, extra, threads)
        self._embedder = Embedder(model, replace(shape, threads=speed.more))
        self._lookup, self._costs = extra.lookup, speed.costs
        self._curve = speed.curve or Curve.straight(speed.costs)
        self._aside = self._copies(extra.cache_type)
        self._small = self._helper(load, extra, replace(shape, threads=speed.one))

    def _copies(self, cache_type: str) -> Aside | None:
        """What keeps copies of idle sequences, half as much of them as of cells; None where cells cannot be copied in
        parts. What they cost a GPU was never measured."""
        if not self._model.rewinds or self._model.offloads:
            return None
        cell = int(self._model.cell * CACHE_TYPES[cache_type][1])
        most, slack = self._decoder.cells * cell // 2, slack_of(self._curve)
        return Aside(self._decoder, self._slots, most=most, cell=cell, slack=slack)

    def _warm_up(self, load: Load, extra: Extra, threads: list[int]) -> Speed:
        """A few small decodes: they bring the weights into memory, and tell the pace of this machine."""
        count = min(FIRST, self._pace.most)
        try:
            self._decode([Chunk(Flow(-1, []), 0, 0, [0] * count, last=False)])
            self._decoder.trim(0, 0)
            speed = self._speed(load, extra, threads)
        except EngineError as error:
            self._decoder.close()
            raise LoadError(f"the model is loaded but does not compute: {error.message}") from error
        self._decoder.use(speed.one, speed.more)
        return speed

    def _speed(self, load: Load, extra: Extra, threads: list[int]) -> Speed:
        if extra.costs:
            return Speed(threads[0], threads[0], Costs(*extra.costs))
        measure = partial(self._measured, threads)
        if not extra.measured:
            return measure()
        how = (PINNED, extra.cache_type, extra.flash_attention, load.gpu_layers, threads, machine.identity())
        waits, deep = [os.environ.get(name) for name in waiting.VARIABLES], curve.deep(self._decoder.cells)
        return recalled(Path(extra.measured), fingerprint(Path(load.path), *how, waits, deep), measure)

    def _measured(self, threads: list[int]) -> Speed:
        speed = Meter(self._decoder).measure(threads)
        if not self._model.rewinds:
            return speed
        if self._model.offloads:
            return replace(speed, curve=curve.measure(self._decoder, time.perf_counter))
        return replace(speed, curve=curve.measure(self._decoder, spread=speed.more / speed.one))

    def _helper(self, load: Load, extra: Extra, shape: Shape) -> Small | None:
        """The small model that guesses."""
        if not extra.draft_model or not self._model.rewinds:
            return None
        beside = replace(shape, lanes=load.parallel, rows=small.ROWS, scratch=False)
        try:
            return Small(extra.draft_model, load.gpu_layers, self._vocabulary, beside, check_memory=extra.check_memory)
        except CortexError:
            self._decoder.close()
            raise

    @property
    def busy(self) -> bool:
        return bool(self._ready or self._runs or self._embedder.busy or self._rests)

    @property
    def _rests(self) -> bool:
        """Whether there is something to do that nobody waits for."""
        return bool(self._slots.has_tails or self._keeper.unsaved or (self._aside and self._aside.busy))

    def submit(self, number: int, job: Job) -> None:
        """Queue this job. What its grammar forces from the start is said at once, and decoded with the prompt."""
        check_tokens(job.prompt, self._vocabulary.size, job.source)
        if job.embed:
            self._embed(number, job)
        elif self._grammars is None:
            raise BadRequest("this model makes vectors of texts; it cannot continue them", param="model")
        else:
            self._begin(number, job, self._grammars)

    def _begin(self, number: int, job: Job, grammars: Grammars) -> None:
        sampling.check(job.sampling, self._vocabulary.size)
        tokens = self._prompt(job)
        run = Run(
            job,
            flow=Flow(number, tokens),
            vocabulary=self._vocabulary,
            sampler=self._sampler(job, tokens),
            constraint=None if job.grammar is None else grammars.compile(job.grammar, job.parts),
            lasting=self._lasting if job.ignore_eos else None,
            guesser=self._guesser(number, job, tokens),
            prompt=len(tokens),
            limit=limit_of(len(tokens), job, self.context),
            echo=self._echo(job, tokens),
        )
        run.flow.wanted = run.echo.wanted if run.echo else None
        piece = run.begin(len(self._runs) + 1)
        if _tells(piece):
            self._ready.append(piece)
        if not piece.finish:
            run.flow.marks = [] if run.echo else self._fetch(tokens)  # an echo computes its prompt anew
            self._runs[number] = run
            self._slots.add(run.flow)

    def _fetch(self, prompt: list[int]) -> list[int]:
        """Bring back what is known of this prompt. Where to take checkpoints on the way through it."""
        if self._aside:
            self._aside.fetch(prompt)
        return self._keeper.fetch(prompt)

    def _sampler(self, job: Job, tokens: list[int]) -> Sampler:
        key = sampling.random_key(job.sampling.seed)
        return Sampler(job.sampling, key, past=list(tokens), breaks=self._vocabulary.breaks)

    def _prompt(self, job: Job) -> list[int]:
        if job.suffix is not None:
            return self._vocabulary.infill(job.prompt, job.suffix)
        tokens = self._vocabulary.tokenize(job.prompt)
        return tokens if job.echo or _given(job.prompt) else self._said.again(tokens)

    def _embed(self, number: int, job: Job) -> None:
        if self._model.pooling == POOLING_RANK:
            raise BadRequest("this model ranks texts; it makes no vectors of them", param="model")
        tokens = self._whole(job.prompt)
        check_length(len(tokens), job, self.context + 1)  # no reply needs room
        self._embedder.add(number, tokens)

    def _whole(self, prompt: Sequence[Segment]) -> list[int]:
        """A text with what the model wants at both its ends; the client's own tokens stay as they are."""
        return self._vocabulary.tokenize(prompt) + ([] if _given(prompt) else self._vocabulary.tail)

    def tokenize(self, prompt: Sequence[Segment], *, whole: bool) -> Cut:
        check_tokens(prompt, self._vocabulary.size, "tokens")
        return self._vocabulary.spell(self._whole(prompt) if whole else self._vocabulary.plain(prompt))

    def _guesser(self, number: int, job: Job, tokens: list[int]) -> Guesser | None:
        """A model that cannot rewind could not take back what was tried in vain."""
        if not self._model.rewinds:
            return None
        draft = Draft(self._vocabulary.continued(job.prediction)) if job.prediction else None
        lookup = Lookup(tokens, [self._vocabulary.continued(hint) for hint in job.hints]) if self._lookup else None
        ask = partial(self._small.guess, number, tokens) if self._small else None
        return Guesser(self._costs, self._curve, self._vocabulary.eog, draft, lookup, ask)

    def _echo(self, job: Job, tokens: list[int]) -> Echo | None:
        """What tells of the prompt's tokens, but not of one that only this engine has put before them."""
        if not job.echo:
            return None
        ours = len(tokens) - len(self._vocabulary.plain(job.prompt))
        return Echo(self._vocabulary, list(tokens), job.logprobs or 0, next=ours)

    def step(self) -> list[Piece | Failure]:
        if self._ready:
            ready, self._ready = self._ready, []
            return ready
        if not self._runs and not self._embedder.busy:
            self._rest()
            return []
        return self._continue() + self._embedder.step(gently=bool(self._runs))

    def _rest(self) -> None:
        """A little of what nobody waits for: what was said last goes through the model, then prefixes to the disk, then
        sequences of a while ago leave the cache."""
        if chunks := self._slots.tails(TAIL):
            self._decode_tails(chunks)
        elif self._keeper.unsaved:
            self._keeper.save()
        elif self._aside:
            self._aside.tidy()

    def _decode_tails(self, chunks: list[Chunk]) -> None:
        report = self._slots.decoded
        try:
            self._decode(chunks)
        except EngineError as error:
            logger.error("the end of a reply could not be decoded: %s", error.message)
            report = self._slots.spoilt
        for chunk in chunks:
            report(chunk)

    def _continue(self) -> list[Piece | Failure]:
        """One decode for all replies."""
        chunks = self._slots.schedule(self._pace.budget, self._pace.patient)
        try:
            self._decode(chunks)
        except EngineError as error:
            return [self._fail(chunk.flow, error) for chunk in chunks]
        for chunk in chunks:
            self._slots.decoded(chunk)
            self._keeper.passed(chunk)
        pieces = [piece for chunk in chunks for piece in self._told(chunk)]
        return [piece for piece in pieces if isinstance(piece, Failure) or _tells(piece)]

    def cancel(self, number: int) -> None:
        self._ready = [piece for piece in self._ready if piece.job != number]
        self._embedder.cancel(number)
        self._end(number)

    def close(self) -> None:
        while self._keeper.unsaved:
            self._keeper.save()
        self._runs.clear()
        if self._small:
            self._small.close()
        self._embedder.close()
        self._decoder.close()
        self._model.close()

    def _decode(self, chunks: list[Chunk]) -> None:
        if not chunks:
            return
        began = time.monotonic()
        self._decoder.decode(chunks)
        self._pace.learn(sum(len(chunk.all) for chunk in chunks), time.monotonic() - began)

    def _told(self, chunk: Chunk) -> list[Piece | Failure]:
        """What this chunk's run tells of its prompt, and says after its last token."""
        run = self._runs[chunk.flow.number]
        try:
            return [*self._echoed(chunk, run), *([self._next(chunk, run)] if chunk.last else [])]
        except CortexError as error:
            self._end(chunk.flow.number)
            return [Failure(chunk.flow.number, error.message, client=isinstance(error, BadRequest))]

    def _echoed(self, chunk: Chunk, run: Run) -> Iterator[Piece]:
        if run.echo and chunk.rows:
            last = chunk.start + len(chunk.tokens) - 1
            told = run.echo.decoded(last + 1, lambda at: self._decoder.logits(chunk, at - last))
            run.flow.wanted = run.echo.wanted
            yield Piece(run.flow.number, b"", usage=run.usage, prompt=told)

    def _next(self, chunk: Chunk, run: Run) -> Piece:
        piece = run.go_on(lambda drafted: self._decoder.logits(chunk, drafted), chunk.draft.tokens, len(self._runs))
        if chunk.draft:
            self._slots.rewind(chunk.flow, chunk.start + len(chunk.tokens))
        if piece.finish:
            self._end(chunk.flow.number, piece.finish)
        return piece

    def _fail(self, flow: Flow, error: CortexError) -> Failure:
        logger.error("job %d: %s", flow.number, error.message)
        del self._runs[flow.number]
        self._slots.lose(flow)
        if self._aside:
            self._aside.ended()
        if self._small:
            self._small.end(flow.number)
        return Failure(flow.number, error.message)

    def _end(self, number: int, finish: Finish | None = None) -> None:
        """This job is over; it `finish`ed, or it was ended."""
        if run := self._runs.pop(number, None):
            # What a model that cannot rewind has been through is of use only where the next turn says all of it.
            again = finish == "stop" or (finish == "length" and self._model.rewinds)
            self._slots.remove(run.flow, tail=again and not run.echo)
            if self._aside:
                self._aside.ended()
            if self._small:
                self._small.end(number)
            if not run.echo:  # texts to be rated do not come back
                self._keeper.ended(run.flow.tokens[: run.prompt])
            if not _given(run.job.prompt):
                self._said.remember(run.flow.tokens, ended=finish == "stop")


def _given(prompt: Sequence[Segment]) -> bool:
    """Whether the client chose tokens itself."""
    return any(segment.tokens for segment in prompt)


def _tells(piece: Piece) -> bool:
    return bool(piece.data or piece.finish or piece.tokens or piece.prompt)


def _grammars(vocabulary: Vocabulary) -> Grammars:
    pointer, function = vocabulary.addresses
    tokenizer = llama_tokenizer(
        vocabulary.pieces, vocabulary.special, sorted(vocabulary.eog), vocabulary=pointer, tokenize=function
    )
    return Grammars(tokenizer)
