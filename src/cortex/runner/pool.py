"""The runners of a server, by the model's name: started on first use, replaced when dead or outdated.

It never chooses which models fit into memory; whoever does so calls `stop`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cortex.core.errors import Busy, Crowded
from cortex.engines.base import Load
from cortex.runner.parent import Runner
from cortex.runner.process import resident

log = logging.getLogger(__name__)

Stamp = tuple[int, int, int]
LINE = 256


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that runs. `memory` is its process's, in bytes (None where the system does not tell); `uptime` is in
    seconds since it was ready."""

    name: str
    runner: Runner
    memory: int | None
    uptime: float


@dataclass(slots=True, eq=False)
class Entry:
    """One start of one model, and what came of it."""

    load: Load
    stamp: Stamp | None  # of the file as it was then
    task: asyncio.Task[Runner] = field(init=False)
    fraction: float = 0.0
    since: float = 0.0

    @property
    def runner(self) -> Runner | None:
        """None while it loads, and for good if that failed. It may have died."""
        if not self.task.done() or self.task.cancelled() or self.task.exception():
            return None
        return self.task.result()

    @property
    def usable(self) -> bool:
        """Loading, or alive."""
        return not self.task.done() or (self.runner is not None and self.runner.alive)

    def progress(self, fraction: float) -> None:
        self.fraction = fraction


class Pool:
    """`resolve` gives the settings for a model's name, or raises `NotFound`. `clock` counts seconds. `line` is how many
    requests may wait for one model."""

    def __init__(
        self, resolve: Callable[[str], Load], *, clock: Callable[[], float] = time.monotonic, line: int = LINE
    ) -> None:
        self.resolve, self.clock, self.line = resolve, clock, line
        self.arriving: Counter[str] = Counter()  # who waits for a model to be loaded
        self.entries: dict[str, Entry] = {}
        self.leaving: dict[asyncio.Task[None], Entry] = {}
        self.closed = False

    async def get(self, name: str) -> Runner:
        """The runner of model `name`, started if need be; all who ask meanwhile wait for the same start.

        Raises what `resolve` raises, `LoadError`, and `Busy` where it was stopped meanwhile. Submit to it before you
        await anything else: a runner whose model is replaced finishes the jobs it has, and takes no new ones.
        """
        while True:
            entry = self._entry(name)
            if not entry.task.done():
                await asyncio.wait([entry.task])  # unlike awaiting the task: our cancellation is not the others'
            match self.entries.get(name):
                case current if current is entry:
                    return entry.task.result()
                case None:
                    raise Busy(f"{name} was stopped while it was loading")
                # else it was replaced while it was loading: wait for the new one

    async def admit(self, name: str) -> Runner:
        """`get` for one more job. Raises `Crowded` where as many wait as may."""
        room = self.resolve(name).parallel + self.line
        if self.arriving[name] >= room:
            raise _crowded(name, self.line)
        self.arriving[name] += 1
        try:
            runner = await self.get(name)
        finally:
            self.arriving[name] -= 1
        if len(runner.tickets) >= room:
            raise _crowded(name, self.line)
        return runner

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
        now = self.clock()
        return [
            Loaded(name, runner, resident(runner.pid), now - entry.since)
            for name, entry in self.entries.items()
            if (runner := entry.runner) and runner.alive
        ]

    @property
    def loading(self) -> Mapping[str, float]:
        """The models that are being loaded, and the fraction that is done."""
        return {name: entry.fraction for name, entry in self.entries.items() if not entry.task.done()}

    async def close(self) -> None:
        """End every runner. Later requests are refused."""
        self.closed = True
        entries = [*self.entries.values(), *self.leaving.values()]
        self.entries.clear()
        for entry in entries:
            self._dismiss(entry, at_once=True)
        while self.leaving:
            await asyncio.wait(self.leaving)

    def _entry(self, name: str) -> Entry:
        if self.closed:
            raise Busy("the server is shutting down")
        load, old = self.resolve(name), self.entries.get(name)
        stamp = stamp_of(load)
        if old and old.usable and (old.load, old.stamp) == (load, stamp):
            return old
        return self._begin(name, Entry(load, stamp), old)

    def _begin(self, name: str, entry: Entry, old: Entry | None) -> Entry:
        # An old runner that is idle ends first, so that memory need not hold both; one at work ends in its own time.
        busy = old and old.runner and old.runner.tickets
        dismissal = self._dismiss(old) if old else None
        entry.task = asyncio.create_task(self._load(name, entry, None if busy else dismissal), name=f"load {name}")
        entry.task.add_done_callback(note_failure)
        self.entries[name] = entry
        return entry

    async def _load(self, name: str, entry: Entry, first: asyncio.Task[None] | None) -> Runner:
        if first:
            await asyncio.wait([first])
        log.info("loading %s from %s", name, entry.load.path)
        runner = await Runner.start(entry.load, progress=entry.progress)
        entry.since = self.clock()
        log.info("%s is ready in process %d", name, runner.pid)
        return runner

    def _dismiss(self, entry: Entry, *, at_once: bool = False) -> asyncio.Task[None]:
        task = asyncio.create_task(leave(entry, at_once=at_once))
        self.leaving[task] = entry
        task.add_done_callback(self.leaving.pop)
        return task


def _crowded(name: str, line: int) -> Crowded:
    return Crowded(f"as many requests as may wait for {name} do ({line}): come back later")


async def leave(entry: Entry, *, at_once: bool) -> None:
    entry.task.cancel()
    await asyncio.wait([entry.task])
    if runner := entry.runner:
        await (runner.stop() if at_once else runner.retire())


def note_failure(task: asyncio.Task[Runner]) -> None:
    """Log why a model did not load, even when everybody who waited for it has gone."""
    if not task.cancelled() and (error := task.exception()):
        log.error("%s failed: %s", task.get_name(), error)


def stamp_of(load: Load) -> Stamp | None:
    """What changes when the model's file is written anew; None where the engine reads no file."""
    path = Path(load.path)
    if not path.is_file():
        return None
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino
