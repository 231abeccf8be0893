"""Where a model's file can come from: one interface, one file a source. A source never writes under a final name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cortex.core.errors import CortexError

Progress = Callable[[int, int], None]  # bytes that are here, bytes in all (0: unknown)


class Unreachable(CortexError):
    """This source cannot give the file, now or ever; the next one may."""

    status = 502
    code = "source_unreachable"


class NoSpace(CortexError):
    """The disk is too full."""

    status = 507
    code = "no_space"


class Source(Protocol):
    """One place that has the file.

    `fetch` leaves the whole file at `target` and returns the SHA-256 that the place itself promises, if it does.
    The folder of `target` is this source's own: what it keeps there lets a later `fetch` resume. `size` is the
    file's size where the caller knows it, else 0. Raises `Unreachable` or `NoSpace`.
    """

    def fetch(self, target: Path, progress: Progress, *, size: int = 0) -> str | None: ...


def need_space(folder: Path, count: int) -> None:
    """Raise `NoSpace` unless `count` more bytes fit on the disk of `folder`."""
    free = shutil.disk_usage(folder).free
    if count > free:
        raise NoSpace(
            f"not enough disk space in {folder}: {count / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free; "
            "free some, or choose another place with --data_folder_path"
        )
