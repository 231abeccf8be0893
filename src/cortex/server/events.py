"""What happens to models, told to everybody at `/events`: downloads and loads. Keeps no history."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal

from cortex.runner.pool import Change

Frame = Mapping[str, Any]
Kind = Literal["Started", "Updated", "Success", "Stopped", "Error"]
BEHIND: Final = 256  # frames that a reader may be late; then it loses the oldest
KINDS: Final[Mapping[str, Kind]] = {
    "loading": "Started",
    "progress": "Updated",
    "ready": "Success",
    "failed": "Error",
    "stopped": "Stopped",
}


class Events:
    """The readers of this server. Called from its event loop only."""

    def __init__(self) -> None:
        self._readers: set[asyncio.Queue[Frame]] = set()

    @contextmanager
    def reader(self) -> Iterator[asyncio.Queue[Frame]]:
        """A queue that gets every frame from now on."""
        queue: asyncio.Queue[Frame] = asyncio.Queue(BEHIND)
        self._readers.add(queue)
        try:
            yield queue
        finally:
            self._readers.discard(queue)

    def tell(self, frame: Frame) -> None:
        for queue in self._readers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(frame)

    def loads(self, change: Change) -> None:
        """A change of a model, in the form of a download's: the original's clients add up the items of every task."""
        task = {"id": change.name, "type": "Load", "items": [], "progress": change.fraction}
        error = {"message": change.error} if change.error else {}
        self.tell({"type": f"Load{KINDS[change.what]}", "task": task} | error)
