"""One start of one model, from the first request for it to the end of its process. Decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cortex.engines.base import Load
from cortex.runner.parent import Runner

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a model wants: `load` says how it is started, `memory` what it will take, in bytes, as far as that is known
    beforehand, `keep` for how many seconds it stays without work (None: for ever)."""

    load: Load
    memory: int = 0
    keep: float | None = None


@dataclass(slots=True, eq=False)
class Entry:
    """`holds` counts who uses it, or waits until it is loaded; `used` is when the last of them left. `reserved` says
    whether its memory counts: not while it waits for others to make room."""

    name: str
    demand: Demand
    stamp: Stamp | None  # of the file as it was then
    used: float
    task: asyncio.Task[Runner] = field(init=False)
    fraction: float = 0.0
    since: float = 0.0
    holds: int = 0
    reserved: bool = False
    free: asyncio.Event = field(default_factory=asyncio.Event)  # nobody holds it

    @property
    def load(self) -> Load:
        return self.demand.load

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

    @property
    def idle(self) -> bool:
        """Loaded, and nobody uses it."""
        return self.runner is not None and not self.runner.tickets and not self.holds

    @property
    def memory(self) -> int:
        """What of the budget it holds, in bytes, for as long as its process lives."""
        return self.demand.memory if self.reserved else 0

    def hold(self) -> None:
        self.holds += 1
        self.free.clear()

    def release(self) -> None:
        self.holds -= 1
        if not self.holds:
            self.free.set()


class Hold:
    """A runner that is not ended for another model's sake, or for being idle, until `release`."""

    def __init__(self, runner: Runner, release: Callable[[], None]) -> None:
        self.runner, self._release = runner, release
        self._held = True

    def release(self) -> None:
        """May be called again."""
        if self._held:
            self._held = False
            self._release()

    def __enter__(self) -> Runner:
        return self.runner

    def __exit__(self, *error: object) -> None:
        self.release()


async def leave(entry: Entry, *, at_once: bool) -> None:
    """End the entry's loading or its runner; unless `at_once`, after the jobs that it has."""
    entry.task.cancel()
    await asyncio.wait([entry.task])
    if not at_once and entry.holds:
        await entry.free.wait()
    if runner := entry.runner:
        await (runner.stop() if at_once else runner.retire())


def stamp_of(load: Load) -> Stamp | None:
    """What changes when the model's file is written anew; None where the engine reads no file."""
    path = Path(load.path)
    if not path.is_file():
        return None
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino
