"""The service that runs models of this machine: the store says what there is, the pool runs it, `complete` asks it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import cortex
from cortex.complete import Choices, continued, several, vectors
from cortex.core.chat import Chat
from cortex.core.job import Cut, Job, Segment, Vector
from cortex.core.load import Load
from cortex.core.passage import Passage
from cortex.core.plan import plan
from cortex.core.profile import Profile
from cortex.models.open import Opened, opened, speaking
from cortex.models.pull import local
from cortex.models.settings import Settings, settings
from cortex.models.store import Model, Store
from cortex.runner.pool import LINE, Pool
from cortex.server.service import Answer, Card, Running
from cortex.server.wire.chat import Defaults

_ENGINES = {"llama": "llama-cpp"}  # the original's names, which its clients know


class LocalService:
    """`open_model` reads a model's file; it is asked again only when the store's row or the file has changed.
    `line` is how many requests may wait for one model."""

    def __init__(
        self,
        store: Store,
        *,
        open_model: Callable[..., Opened] = opened,
        now: Callable[[], datetime] = datetime.now,
        line: int = LINE,
    ) -> None:
        self._store, self._open, self._now = store, open_model, now
        self._contexts: dict[str, int] = {}
        self._known: dict[str, tuple[object, Opened]] = {}
        self._pool = Pool(lambda id: _load(self._opened(id)), line=line)

    def models(self) -> Sequence[Card]:
        return [_card(model) for model in self._store.list()]

    def find(self, name: str) -> Card:
        return _card(local(self._store, name) or self._store.find(name))

    async def answer(self, card: Card, chat: Chat, count: int = 1) -> Answer:
        model = await asyncio.to_thread(self._opened, card.id)
        profile = speaking(model.profile, chat.dialect)
        planned = plan(chat, profile, self._now())  # before the model is loaded: a mistake is told at once
        runner = await self._pool.admit(card.id)
        replies = await several(planned, runner, count)
        return Answer(Choices(replies), _fingerprint(model, profile), planned.warnings)

    async def texts(self, card: Card, passages: Sequence[Passage], count: int = 1) -> Answer:
        model = await asyncio.to_thread(self._opened, card.id)
        runner = await self._pool.admit(card.id)
        return Answer(Choices(await continued(passages, runner, count)), _fingerprint(model, model.profile))

    async def vectors(self, card: Card, jobs: Sequence[Job]) -> Sequence[Vector]:
        await asyncio.to_thread(self._opened, card.id)
        return await vectors(jobs, await self._pool.admit(card.id))

    async def cut(self, card: Card, prompt: Sequence[Segment], *, whole: bool) -> Cut:
        await asyncio.to_thread(self._opened, card.id)
        runner = await self._pool.get(card.id)
        return await runner.tokenize(prompt, whole=whole)

    async def prompt(self, card: Card, chat: Chat) -> str:
        model = await asyncio.to_thread(self._opened, card.id)
        planned = plan(chat, speaking(model.profile, chat.dialect), self._now())
        return "".join(segment.text for segment in planned.job.prompt)

    async def start(self, card: Card, *, context: int | None = None) -> None:
        if context is not None:
            self._contexts[card.id] = context
        await asyncio.to_thread(self._opened, card.id)
        await self._pool.get(card.id)

    async def stop(self, card: Card) -> bool:
        self._contexts.pop(card.id, None)
        return await self._pool.stop(card.id)

    def running(self) -> Sequence[Running]:
        return [
            Running(row.name, _engine(row.runner.load.engine), row.memory or 0, 0, row.uptime)
            for row in self._pool.loaded()
        ]

    def loading(self) -> Mapping[str, float]:
        return self._pool.loading

    async def close(self) -> None:
        await self._pool.close()

    def _opened(self, id: str) -> Opened:
        model = self._store.get(id)
        context = self._contexts.get(id)
        stamp = (model, _stamp(model), context)
        known = self._known.get(id)
        if known is None or known[0] != stamp:
            known = self._known[id] = (stamp, self._open(self._store, id, context=context))
        return known[1]


def _stamp(model: Model) -> tuple[int, int] | None:
    try:
        status = model.path.stat()
    except OSError:
        return None  # `open_model` says what is wrong
    return status.st_mtime_ns, status.st_size


def _load(model: Opened) -> Load:
    wanted = model.settings
    return Load(
        path=str(model.path),
        engine=wanted.engine,
        context=model.profile.context,
        parallel=wanted.parallel,
        gpu_layers=wanted.gpu_layers,
        threads=wanted.threads,
    )


def _card(model: Model) -> Card:
    wanted = settings(model.settings)
    details = dict(model.settings) | {"size": model.size, "source": model.source}
    return Card(model.id, _engine(wanted.engine), model.created, _defaults(wanted), details)


def _defaults(wanted: Settings) -> Defaults:
    return Defaults(wanted.sampling, wanted.max_tokens, wanted.stop)


def _engine(name: str) -> str:
    return _ENGINES.get(name, name)


def _fingerprint(model: Opened, profile: Profile) -> str:
    """Changes with anything that may change what the same request and seed are answered with."""
    parts = (cortex.__version__, model.model.sha256, _stamp(model.model), _load(model), profile)
    return "fp_" + hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
