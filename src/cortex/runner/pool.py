"""The runners of a server, by the model's name: started on first use, replaced when dead or outdated, ended when they
are idle for long or another model needs their memory.

`room.py` makes the room, `entry.py` is one start of one model.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from cortex.core.errors import Busy, CortexError, Crowded, NoRoom
from cortex.runner.entry import Demand, Entry, Hold, leave, stamp_of
from cortex.runner.memory import Held
from cortex.runner.parent import Runner
from cortex.runner.process import resident
from cortex.runner.room import Bell, Limits, check_size, make_more, make_room

__all__ = ["LINE", "Change", "Demand", "Hold", "Limits", "Loaded", "Pool", "unheard"]

log = logging.getLogger(__name__)

LINE = 256
UNLIMITED = Limits()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that runs. `memory` is its process's, in bytes (None where the system does not tell), `need` what it was
    expected to take; `uptime` is in seconds since it was ready. `idle` counts the seconds without work (None: it is at
    work), `left` those until it is unloaded for that (None: it stays)."""

    name: str
    runner: Runner
    memory: int | None
    uptime: float
    need: int
    idle: float | None
    left: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a model. `fraction` is how much of it is loaded; `error` is why it is not."""

    name: str
    what: Literal["loading", "progress", "ready", "failed", "stopped"]
    fraction: float = 0.0
    error: str = ""


def unheard(change: Change) -> None:
    """Nobody wants to know."""


class Pool:
    """`resolve` gives what a model of this name wants, or raises `NotFound`. `clock` counts seconds. `line` is how many
    requests may wait for one model. `tell` hears of every change."""

    def __init__(
        self,
        resolve: Callable[[str], Demand],
        *,
        clock: Callable[[], float] = time.monotonic,
        line: int = LINE,
        limits: Limits = UNLIMITED,
        tell: Callable[[Change], None] = unheard,
    ) -> None:
        self.resolve, self.clock, self.line, self.limits, self.tell = resolve, clock, line, limits, tell
        self.arriving: Counter[str] = Counter()  # who waits for a model to be loaded
        self.entries: dict[str, Entry] = {}
        self.leaving: dict[asyncio.Task[None], Entry] = {}
        self.bell = Bell()  # rings when memory, or the time to be unloaded, may have changed
        self.keeper: asyncio.Task[None] | None = None
        self.closed = False

    async def get(self, name: str) -> Runner:
        """The runner of model `name`, started if need be; all who ask meanwhile wait for the same start.

        Raises what `resolve` raises, `LoadError`, and `Busy` where it was stopped meanwhile. Submit to it before you
        await anything else: a runner whose model is replaced finishes the jobs it has, and takes no new ones.
        """
        with await self.hold(name) as runner:
            return runner

    async def admit(self, name: str) -> Hold:
        """`hold` for one more job. Raises `Crowded` where as many wait as may."""
        room = self.resolve(name).load.parallel + self.line
        if self.arriving[name] >= room:
            raise _crowded(name, self.line)
        self.arriving[name] += 1
        try:
            hold = await self.hold(name)
        finally:
            self.arriving[name] -= 1
        if len(hold.runner.tickets) >= room:
            hold.release()
            raise _crowded(name, self.line)
        return hold

    async def hold(self, name: str) -> Hold:
        """The same as `get`; the runner is neither unloaded nor evicted before the hold is released."""
        while True:
            entry = self._entry(name)
            entry.hold()
            try:
                if not entry.task.done():
                    await asyncio.wait([entry.task])  # unlike awaiting the task: our cancellation is not the others'
                match self.entries.get(name):
                    case current if current is entry:
                        runner = entry.task.result()
                        entry.hold()
                        return Hold(runner, partial(self._release, entry))
                    case None:
                        raise Busy(f"{name} was stopped while it was loading")
                    # else it was replaced while it was loading: wait for the new one
            finally:
                self._release(entry)

    async def stop(self, name: str) -> bool:
        """End the model's runner, with its jobs, or its loading. False if there was nothing to end."""
        entry = self.entries.pop(name, None)
        if entry is None:
            return False
        stopped = entry.usable
        await asyncio.wait([self._dismiss(entry, at_once=True)])
        return stopped

    def loaded(self) -> list[Loaded]:
        """The models that answer now."""
        return [
            self._shown(entry, runner) for entry in self.entries.values() if (runner := entry.runner) and runner.alive
        ]

    @property
    def loading(self) -> Mapping[str, float]:
        """The models that are being loaded, and the fraction that is done."""
        return {name: entry.fraction for name, entry in self.entries.items() if not entry.task.done()}

    def tidy(self) -> float | None:
        """Unload what has been idle for as long as it may. The seconds until the next is due; None: none is."""
        due: list[float] = []
        for name, entry in list(self.entries.items()):
            if not entry.idle or entry.demand.keep is None:
                continue
            left = entry.used + entry.demand.keep - self.clock()
            if left > 0:
                due.append(left)
            else:
                log.info("%s is unloaded: it was idle for %.0f seconds", name, entry.demand.keep)
                self._dismiss(self.entries.pop(name))
        return min(due, default=None)

    def refresh(self) -> None:
        """Look anew at what the models want: their settings, or the limits, have changed."""
        for name, entry in self.entries.items():
            try:
                entry.demand = Demand(entry.load, entry.demand.memory, self.resolve(name).keep)
            except CortexError as error:  # its file is gone; the next request says so
                log.warning("%s: %s", name, error.message)
        self.bell.ring()

    async def close(self) -> None:
        """End every runner. Later requests are refused."""
        self.closed = True
        entries = [*self.entries.values(), *self.leaving.values()]
        self.entries.clear()
        for entry in entries:
            self._dismiss(entry, at_once=True)
        while self.leaving:
            await asyncio.wait(self.leaving)
        if self.keeper:
            self.keeper.cancel()
            await asyncio.wait([self.keeper])

    def others(self, entry: Entry) -> list[Held]:
        """What all but this one hold; those that are ending hold theirs until they have ended."""
        stay = [
            Held(each.name, each.memory, each.used if each.idle else None)
            for each in self.entries.values()
            if each is not entry and each.usable
        ]
        return stay + [Held(each.name, each.memory) for each in self.leaving.values()]

    async def evict(self, names: Iterable[str]) -> None:
        """End these models, which are idle."""
        entries = [self.entries.pop(name) for name in names]
        log.info("%s: unloaded to make room", ", ".join(entry.name for entry in entries))
        await asyncio.wait([self._dismiss(entry) for entry in entries])

    def _shown(self, entry: Entry, runner: Runner) -> Loaded:
        now, keep = self.clock(), entry.demand.keep
        idle = now - entry.used if entry.idle else None
        left = None if idle is None or keep is None else max(0.0, keep - idle)
        return Loaded(entry.name, runner, resident(runner.pid), now - entry.since, entry.demand.memory, idle, left)

    def _entry(self, name: str) -> Entry:
        if self.closed:
            raise Busy("the server is shutting down")
        demand, old = self.resolve(name), self.entries.get(name)
        stamp = stamp_of(demand.load)
        if old and old.usable and (old.load, old.stamp) == (demand.load, stamp):
            return old
        check_size(name, demand, self.limits)  # before anything is ended for it
        return self._begin(Entry(name, demand, stamp, self.clock()), old)

    def _begin(self, entry: Entry, old: Entry | None) -> Entry:
        # An old runner that is idle ends first, so that memory need not hold both; one at work ends in its own time.
        busy = old and old.runner and not old.idle
        dismissal = self._dismiss(old) if old else None
        entry.task = asyncio.create_task(self._load(entry, None if busy else dismissal), name=f"load {entry.name}")
        entry.task.add_done_callback(lambda task: self._loaded(entry, task))
        self.entries[entry.name] = entry
        return entry

    async def _load(self, entry: Entry, first: asyncio.Task[None] | None) -> Runner:
        if first:
            await asyncio.wait([first])
        self.tell(Change(entry.name, "loading"))
        await make_room(self, entry)
        log.info("loading %s from %s", entry.name, entry.load.path)
        runner = await self._started(entry)
        entry.since = entry.used = self.clock()
        log.info("%s is ready in process %d", entry.name, runner.pid)
        return runner

    async def _started(self, entry: Entry) -> Runner:
        """Its runner. Where the system has less memory than the budget allows, idle models go one by one."""

        def progress(fraction: float) -> None:
            entry.fraction = fraction
            self.tell(Change(entry.name, "progress", fraction))

        while True:
            try:
                return await Runner.start(entry.load, progress=progress, rested=lambda: self._rested(entry))
            except NoRoom:
                if not await make_more(self, entry):
                    raise

    def _loaded(self, entry: Entry, task: asyncio.Task[Runner]) -> None:
        """Say what became of a load, even when everybody who waited for it has gone."""
        if task.cancelled():
            self.tell(Change(entry.name, "stopped"))
        elif isinstance(error := task.exception(), Busy):  # nobody waits for it any more
            log.info("%s: %s", task.get_name(), error)
            self.tell(Change(entry.name, "stopped"))
        elif error:
            log.error("%s failed: %s", task.get_name(), error)
            self.tell(Change(entry.name, "failed", entry.fraction, str(error)))
        else:
            self.tell(Change(entry.name, "ready", 1.0))
        self._rested(entry)

    def _release(self, entry: Entry) -> None:
        entry.release()
        if not entry.holds:
            self._rested(entry)

    def _rested(self, entry: Entry) -> None:
        """This model may be idle now, or may have ended."""
        entry.used = self.clock()
        if not self.closed and (self.keeper is None or self.keeper.done()):
            self.keeper = asyncio.create_task(self._keep(), name="unload idle models")
        self.bell.ring()

    async def _keep(self) -> None:
        while self.entries:
            await self.bell.heard(self.tidy())

    def _dismiss(self, entry: Entry, *, at_once: bool = False) -> asyncio.Task[None]:
        task = asyncio.create_task(leave(entry, at_once=at_once))
        self.leaving[task] = entry
        task.add_done_callback(lambda task: self._left(task, entry))
        return task

    def _left(self, task: asyncio.Task[None], entry: Entry) -> None:
        del self.leaving[task]
        if entry.runner:
            self.tell(Change(entry.name, "stopped"))
        self.bell.ring()


def _crowded(name: str, line: int) -> Crowded:
    return Crowded(f"as many requests as may wait for {name} do ({line}): come back later")
