"""Downloads that the server does for its clients, in threads. Everybody at `/events` hears how far they are.

What is fetched from where, and how a download that was stopped goes on, is the matter of `models.pull`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from cortex.config import Config
from cortex.core.errors import CortexError
from cortex.models.catalogue import builtin
from cortex.models.choices import choices
from cortex.models.pull import fetch
from cortex.models.sources import Cancelled, network
from cortex.models.store import Model, Store
from cortex.models.target import Target, target
from cortex.server.events import Events, Kind
from cortex.server.library import off

log = logging.getLogger(__name__)

PAUSE = 0.25  # seconds between two frames of one download


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
    """Called in the download's thread; it calls `progress` there, a few times a second."""

    def __init__(self, task: Task, progress: Callable[[int, int], None]) -> None:
        self._task, self._progress = task, progress
        self._told = 0.0

    def say(self, line: str) -> None:
        log.info("%s: %s", self._task.id, line)

    def bytes(self, phase: str, done: int, total: int) -> None:
        if phase.startswith("Downloading") and time.monotonic() - self._told > PAUSE:
            self._told = time.monotonic()
            self._progress(done, total)


class Downloads:
    def __init__(self, store: Store, events: Events) -> None:
        self._store, self._events = store, events
        self._running: dict[str, tuple[Task, asyncio.Task[None]]] = {}
        self.token = ""

    async def begin(self, name: str, id: str = "") -> Task:
        """The download of what `name` means, begun unless it runs already; as `id`, if one is given.

        Raises `BadRequest`, and `Unreachable` where nobody can say what the name means.
        """
        wanted = await off(target, name, builtin(), token=self.token, id=id)
        await off(self._store.check_free, wanted.entry.id, "id" if id else "model")
        id = wanted.entry.id
        if id not in self._running:
            task = Task(id, wanted.entry.sources[0].address, str(self._place(wanted)), wanted.entry.size)
            work = asyncio.create_task(self._run(task, wanted), name=f"pull {id}")
            self._running[id] = task, work
            work.add_done_callback(lambda _: self._running.pop(id, None))
            self._tell("Started", task)
        return self._running[id][0]

    def configure(self, config: Config) -> None:
        self.token = config.huggingface_token
        network.use(config)

    async def info(self, name: str) -> dict[str, Any]:
        """What `name` may mean, in the shape of `/models/pull/info`."""
        found = await off(choices, name, token=self.token)
        wanted = None if found else await off(target, name, builtin(), token=self.token)
        source = found.source if found else wanted.entry.sources[0].address if wanted else ""
        ids = [item.id for item in found.items] if found else [wanted.entry.id] if wanted else []
        here = [id for id in ids if self._store.has(id)]
        return {
            "id": name if found else ids[0],
            "modelSource": source,
            "defaultBranch": found.default.label if found and found.default else "",
            "downloadedModels": here,
            "availableModels": [id for id in ids if id not in here],
            "downloadUrl": "" if found else source,
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

    async def _run(self, task: Task, wanted: Target) -> None:
        loop = asyncio.get_running_loop()

        def progress(done: int, total: int) -> None:
            loop.call_soon_threadsafe(self._progress, task, done, total)

        try:
            model = await off(fetch, self._store, wanted, Watcher(task, progress), cancel=task.stop)
        except Cancelled:
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
