"""Downloads that the server does for its clients, in threads. Everybody at `/events` hears how far they are.

What is fetched from where, and how a download that was stopped goes on, is the matter of `models.pull`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from cortex.config import Config
from cortex.core.errors import CortexError
from cortex.models.catalogue import builtin
from cortex.models.pull import Target, pull, target
from cortex.models.store import Model, Store
from cortex.server.events import Events, Kind
from cortex.server.library import off

log = logging.getLogger(__name__)

PAUSE = 0.25  # seconds between two frames of one download


class Stopped(Exception):
    """Somebody stopped the download; what is here already stays for the next one."""


@dataclass(slots=True)
class Task:
    """`total` is 0 until it is known. All in bytes."""

    id: str
    url: str
    path: str
    total: int = 0
    done: int = 0
    stop: Event = field(default_factory=Event)

    @property
    def shown(self) -> dict[str, Any]:
        """As the original's clients know it."""
        item = {
            "id": self.id, "downloadUrl": self.url, "localPath": self.path, "checksum": "N/A",
            "bytes": self.total, "downloadedBytes": self.done,
        }  # fmt: skip
        return {"id": self.id, "type": "Model", "items": [item]}


class Watcher:
    """Called in the download's thread; `progress` in the event loop's, a few times a second."""

    def __init__(self, task: Task, progress: Callable[[int, int], None]) -> None:
        self._task, self._progress = task, progress
        self._told = 0.0

    def say(self, line: str) -> None:
        log.info("%s: %s", self._task.id, line)

    def bytes(self, phase: str, done: int, total: int) -> None:
        if self._task.stop.is_set():
            raise Stopped
        if phase.startswith("Downloading") and time.monotonic() - self._told > PAUSE:
            self._told = time.monotonic()
            self._progress(done, total)


class Downloads:
    def __init__(self, store: Store, events: Events) -> None:
        self._store, self._events = store, events
        self._running: dict[str, tuple[Task, asyncio.Task[None]]] = {}
        self.token = ""

    async def begin(self, name: str) -> Task:
        """The download of what `name` means, begun unless it runs already. Raises `NotFound`, `BadRequest`."""
        wanted = await off(target, name, builtin(), token=self.token)
        id = wanted.entry.id
        if id not in self._running:
            task = Task(id, str(wanted.entry.sources[0]), str(self._place(wanted)), wanted.entry.size)
            work = asyncio.create_task(self._run(task, name), name=f"pull {id}")
            self._running[id] = task, work
            work.add_done_callback(lambda _: self._running.pop(id, None))
            self._tell("Started", task)
        return self._running[id][0]

    def configure(self, config: Config) -> None:
        self.token = config.huggingface_token

    def look(self, repository: str) -> Sequence[dict[str, Any]]:
        """The models of a repository. Asks the network."""
        return []

    async def info(self, name: str) -> dict[str, Any]:
        """What `name` may mean, in the shape of `/models/pull/info`."""
        wanted = await off(target, name, builtin(), token=self.token)
        id = wanted.entry.id
        here = [id] if self._store.has(id) else []
        return {
            "id": id,
            "modelSource": str(wanted.entry.sources[0]),
            "defaultBranch": "",
            "downloadedModels": here,
            "availableModels": [] if here else [id],
            "downloadUrl": str(wanted.entry.sources[0]),
            "message": "Get model pull information successfully",
        }

    def stop(self, id: str) -> bool:
        """Tell the download to end, which it soon does. False where there is none."""
        if id not in self._running:
            return False
        self._running[id][0].stop.set()
        return True

    async def close(self) -> None:
        """Stop all of them and wait for that."""
        works = [work for _, work in self._running.values()]
        for id in list(self._running):
            self.stop(id)
        if works:
            await asyncio.wait(works)

    async def _run(self, task: Task, name: str) -> None:
        loop = asyncio.get_running_loop()

        def progress(done: int, total: int) -> None:
            loop.call_soon_threadsafe(self._progress, task, done, total)

        try:
            model = await off(pull, self._store, name, Watcher(task, progress), token=self.token)
        except Stopped:
            self._tell("Stopped", task)
        except CortexError as error:
            log.warning("pulling %s failed: %s", task.id, error.message)
            self._tell("Error", task, error.message)
        except Exception as error:
            log.exception("pulling %s failed", task.id)
            self._tell("Error", task, f"the server failed: {error!r}")
        else:
            self._finished(task, model)

    def _finished(self, task: Task, model: Model) -> None:
        task.done = task.total = model.size
        self._tell("Success", task)

    def _progress(self, task: Task, done: int, total: int) -> None:
        task.done, task.total = done, total or task.total
        self._tell("Updated", task)

    def _tell(self, kind: Kind, task: Task, error: str = "") -> None:
        self._events.tell({"type": f"Download{kind}", "task": task.shown} | ({"message": error} if error else {}))

    def _place(self, wanted: Target) -> object:
        return self._store.folder / "models" / wanted.place
