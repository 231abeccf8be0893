"""A lock between processes, on a file. It ends with its holder, however that ends; never leaves a stale lock."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path

TICK = 0.1  # seconds between two tries of who waits and wants to be asked meanwhile


@contextmanager
def locked(
    path: Path,
    waiting: Callable[[], None] | None = None,
    *,
    tick: Callable[[], None] | None = None,
    remove: bool = False,
) -> Iterator[None]:
    """Hold the lock at `path` (made if it is not there).

    `waiting` is told once if another process has it, `tick` often while it has: what that raises ends the wait.
    `remove` takes the file away at the end; then everybody who uses this lock must do so.
    """
    while True:
        with _opened(path) as file:
            if not _taken(file):
                if waiting:
                    waiting()
                waiting = None
                _wait(file, tick)
            if not _current(file, path):  # whoever had it has removed it: this file is nobody's lock any more
                continue
            try:
                yield
            finally:
                if remove:
                    path.unlink(missing_ok=True)
            return


def _opened(path: Path) -> TextIOWrapper:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # whoever was here before us has just removed the folder
            return path.open("a")


def _taken(file: TextIOWrapper) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(file: TextIOWrapper, tick: Callable[[], None] | None) -> None:
    if tick is None:
        fcntl.flock(file, fcntl.LOCK_EX)
        return
    while not _taken(file):
        tick()
        time.sleep(TICK)


def _current(file: TextIOWrapper, path: Path) -> bool:
    try:
        return os.fstat(file.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
