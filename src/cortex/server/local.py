"""The service that runs models of this machine: the store says what there is, the pool runs it, `complete` asks it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import cortex
from cortex.complete import Choices, continued, several, vectors
from cortex.config import Config
from cortex.core.chat import Chat
from cortex.core.errors import BadRequest, CortexError, LoadError
from cortex.core.events import Event
from cortex.core.job import Cut, Job, Segment, Vector
from cortex.core.load import Load
from cortex.core.passage import Passage
from cortex.core.plan import plan
from cortex.core.profile import Profile
from cortex.models.open import Opened, opened, speaking
from cortex.models.settings import DEFAULT, Settings, settings
from cortex.models.store import Model, Store
from cortex.models.target import local
from cortex.runner.pool import LINE, Change, Demand, Hold, Limits, Pool, unheard
from cortex.server import hardware
from cortex.server.library import Library
from cortex.server.service import Answer, Card, Running
from cortex.server.wire.chat import Defaults

log = logging.getLogger(__name__)

SMALLER = (4096, 2048)  # contexts that are tried where 8192 tokens do not fit
_ENGINES = {"llama": "llama-cpp"}  # the original's names, which its clients know


class LocalService:
    """`open_model` reads a model's file; it is asked again only when the store's row, the file or what is wanted of it
    has changed. `line` is how many requests may wait for one model; a configuration says so itself."""

    def __init__(
        self,
        store: Store,
        *,
        open_model: Callable[[Store, str, Settings], Opened] = opened,
        now: Callable[[], datetime] = datetime.now,
        line: int = LINE,
        config: Config | None = None,
    ) -> None:
        self._store, self._open, self._now = store, open_model, now
        self.library = Library(store)
        self._asked: dict[str, Mapping[str, Any]] = {}  # what a start asked for, until the model is stopped
        self._proved: dict[str, Mapping[str, Any]] = {}  # what held before starts of which none is ready yet
        self._config = config
        self._known: dict[str, tuple[object, Opened]] = {}
        self._tell: Callable[[Change], None] = unheard
        self._pool = Pool(lambda id: self._demand(self._opened(id)), line=line, tell=self._heard)
        if config:
            self._limit(config)

    def configure(self, config: Config) -> None:
        self._config = config
        self._limit(config)
        self._pool.refresh()

    def _limit(self, config: Config) -> None:
        self._pool.limits, self._pool.line = limits(config), config.max_waiting

    def watch(self, tell: Callable[[Change], None]) -> None:
        self._tell = tell

    def _heard(self, change: Change) -> None:
        """A load outlives who asked for it, and says itself whether what was asked for can be."""
        if change.what == "ready":
            self._proved.pop(change.name, None)
        elif change.what in ("failed", "stopped") and change.name not in self._pool.loading:
            self._as_before(change.name)
        self._tell(change)

    def _as_before(self, id: str) -> None:
        """Later requests are not to fail for what was asked once."""
        if id in self._proved:
            self._asked[id] = self._proved.pop(id)

    def models(self) -> Sequence[Card]:
        return [_card(model) for model in self._store.list()]

    def find(self, name: str) -> Card:
        return _card(local(self._store, name) or self._store.find(name))

    async def answer(self, card: Card, chat: Chat, count: int = 1) -> Answer:
        model = await asyncio.to_thread(self._opened, card.id)
        profile = speaking(model.profile, chat.dialect)
        planned = plan(chat, profile, self._now())  # before the model is loaded: a mistake is told at once
        hold = await self._pool.admit(card.id)
        try:
            replies = await several(planned, hold.runner, count)
        except BaseException:
            hold.release()
            raise
        return Answer(Lent(replies, hold), _fingerprint(model, profile), planned.warnings)

    async def texts(self, card: Card, passages: Sequence[Passage], count: int = 1) -> Answer:
        model = await asyncio.to_thread(self._opened, card.id)
        hold = await self._pool.admit(card.id)
        try:
            replies = await continued(passages, hold.runner, count)
        except BaseException:
            hold.release()
            raise
        return Answer(Lent(replies, hold), _fingerprint(model, model.profile))

    async def vectors(self, card: Card, jobs: Sequence[Job]) -> Sequence[Vector]:
        await asyncio.to_thread(self._opened, card.id)
        with await self._pool.admit(card.id) as runner:
            return await vectors(jobs, runner)

    async def cut(self, card: Card, prompt: Sequence[Segment], *, whole: bool) -> Cut:
        await asyncio.to_thread(self._opened, card.id)
        with await self._pool.hold(card.id) as runner:
            return await runner.tokenize(prompt, whole=whole)

    async def prompt(self, card: Card, chat: Chat) -> str:
        model = await asyncio.to_thread(self._opened, card.id)
        planned = plan(chat, speaking(model.profile, chat.dialect), self._now())
        return "".join(segment.text for segment in planned.job.prompt)

    async def start(self, card: Card, wanted: Mapping[str, Any] | None = None) -> None:
        if wanted:
            self._settings(self._store.get(card.id), wanted)  # raises for what cannot be
            self._proved.setdefault(card.id, self._asked.get(card.id, {}))
            self._asked[card.id] = wanted
        try:
            await asyncio.to_thread(self._opened, card.id)
            await self._pool.get(card.id)
        except CortexError:
            self._as_before(card.id)
            raise
        except asyncio.CancelledError:
            if card.id not in self._pool.loading:  # else the load goes on, and `_heard` hears how it ends
                self._as_before(card.id)
            raise
        self._proved.pop(card.id, None)

    async def stop(self, card: Card) -> bool:
        for known in (self._asked, self._proved):
            known.pop(card.id, None)
        return await self._pool.stop(card.id)

    def running(self) -> Sequence[Running]:
        return [
            Running(
                *(row.name, _engine(row.runner.load.engine), row.memory or 0, 0, row.uptime),
                need=row.need,
                context=row.runner.context,
                idle=row.idle,
                left=row.left,
            )
            for row in self._pool.loaded()
        ]

    def loading(self) -> Mapping[str, float]:
        return self._pool.loading

    async def close(self) -> None:
        await self._pool.close()

    def _opened(self, id: str) -> Opened:
        model = self._store.get(id)
        wanted = self._settings(model, self._asked.get(id, {}))
        budget = self._pool.limits.budget
        stamp = (model, _stamp(model), wanted, budget)
        known = self._known.get(id)
        if known is None or known[0] != stamp:
            known = self._known[id] = (stamp, self._fitted(id, wanted, budget))
        return known[1]

    def _fitted(self, id: str, wanted: Settings, budget: int | None) -> Opened:
        """With the largest context that fits into the budget, where nobody said how large it must be."""
        model = self._open(self._store, id, wanted)
        for context in SMALLER if wanted.context is None and budget is not None else ():
            if model.need.total <= (budget or 0):
                break
            log.warning("%s: a context of %d tokens does not fit into memory_budget", id, model.profile.context)
            model = self._open(self._store, id, replace(wanted, context=context))
        return model

    def _settings(self, model: Model, asked: Mapping[str, Any]) -> Settings:
        """In this order: what a start asked for, the model's own, the configuration's."""
        common = self._config.loading if self._config else {}
        wanted = settings({**common, **model.settings, **asked})
        if wanted.flash_attention is False and wanted.cache_type != "f16":
            why = f"cache_type {wanted.cache_type} needs flash attention: set flash_attn to true, or leave it out"
            raise BadRequest(why, param="flash_attn") if asked else LoadError(why)
        return wanted

    def _load(self, model: Opened) -> Load:
        """With the folders for what is measured, and for beginnings of prompts where the configuration has room."""
        load, config = model.load, self._config
        if load.engine != "llama" or not config:
            return load
        cache = config.data_folder / "cache"
        kept: dict[str, Any] = {"measured": str(cache / "measured")}
        if config.prefix_cache:
            kept |= {"prefixes": str(cache / "prefixes"), "prefixes_bytes": config.prefix_cache}
        return replace(load, extra={**(load.extra or {}), **kept})

    def _demand(self, model: Opened) -> Demand:
        keep, common = model.settings.keep_alive, self._config.keep_alive if self._config else None
        return Demand(self._load(model), model.need.total, common if keep == DEFAULT else keep)


class Lent(Choices):
    """Replies of a model that is kept for them until they are closed."""

    def __init__(self, replies: Sequence[AsyncGenerator[Event, None]], hold: Hold) -> None:
        super().__init__(replies)
        self._hold = hold

    async def aclose(self) -> None:
        try:
            await super().aclose()
        finally:
            self._hold.release()


def limits(config: Config) -> Limits:
    """A budget that is a part of the machine's memory in bytes; None where the system does not tell how much it has."""
    budget = config.memory_budget
    if isinstance(budget, float):
        total = hardware.memory().total
        return Limits(int(budget * total) if total else None, config.memory_wait)
    return Limits(budget, config.memory_wait)


def _stamp(model: Model) -> tuple[int, int] | None:
    try:
        status = model.path.stat()
    except OSError:
        return None  # `open_model` says what is wrong
    return status.st_mtime_ns, status.st_size


def _card(model: Model) -> Card:
    wanted = settings(model.settings)
    details = dict(model.settings) | {"size": model.size, "source": model.source}
    return Card(model.id, _engine(wanted.engine), model.created, _defaults(wanted), details, model.aliases)


def _defaults(wanted: Settings) -> Defaults:
    return Defaults(wanted.sampling, wanted.max_tokens, wanted.stop)


def _engine(name: str) -> str:
    return _ENGINES.get(name, name)


def _fingerprint(model: Opened, profile: Profile) -> str:
    """Changes with anything that may change what the same request and seed are answered with."""
    parts = (cortex.__version__, model.model.sha256, _stamp(model.model), model.load, profile)
    return "fp_" + hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
