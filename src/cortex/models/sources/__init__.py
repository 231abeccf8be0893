"""Where a model's files can come from: one interface, one file a source. A source never writes under a final name."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cortex.core.errors import CortexError, NotFound
from cortex.core.sizes import gb

# Told the bytes that are here and the bytes in all (0: unknown), several times a second, even where nothing comes, and
# always by the thread that called `fetch`. What it raises ends the fetch, which leaves what a later one goes on from.
Progress = Callable[[int, int], None]


class Unreachable(CortexError):
    """This source cannot give the file now; the next one may."""

    status = 502
    code = "source_unreachable"


class Missing(Unreachable, NotFound):
    """This source does not have the file."""

    status = NotFound.status
    kind = NotFound.kind
    code = "model_not_found"


class Denied(Unreachable):
    """This source has the file, but not for us: a token is missing, or may not see it."""

    status = 403
    kind = "invalid_request_error"
    code = "access_denied"


class NoSpace(CortexError):
    """The disk is too full."""

    status = 507
    code = "no_space"


class Cancelled(CortexError):
    """Somebody stopped the pull. What is here already stays for the next one."""

    status = 409
    kind = "invalid_request_error"
    code = "cancelled"


@dataclass(frozen=True, slots=True)
class Got:
    """A whole file, and the SHA-256 that the place it came from promises, if it does."""

    path: Path
    sha256: str | None = None


class Source(Protocol):
    """One place that has a model. `size` is the bytes of all files where they are known exactly, else 0.

    `fetch` leaves the whole model in `folder`: one file, or the parts of a split one in their order and under their
    names. The folder is this source's own: what it keeps there lets a later `fetch` resume. Raises `Unreachable`,
    `NoSpace`, or what `progress` raises. `address` is for programs, and the source's text for people.
    """

    @property
    def address(self) -> str: ...

    def fetch(self, folder: Path, progress: Progress, *, size: int = 0) -> Sequence[Got]: ...


def need_space(folder: Path, count: int) -> None:
    """Raise `NoSpace` unless `count` more bytes fit on the disk of `folder`."""
    free = shutil.disk_usage(folder).free
    if count > free:
        raise no_space(folder, f"{gb(count)} more are needed and {gb(free)} are free")


def no_space(folder: Path, numbers: str) -> NoSpace:
    return NoSpace(
        f"not enough disk space in {folder}: {numbers}; free some and pull again, which goes on where it stopped, or "
        "choose another place with --data_folder_path"
    )


@contextmanager
def full_disk_told(folder: Path, count: int) -> Iterator[None]:
    """A write that fails because the disk is full raises `NoSpace`. `count` are the bytes that are to be written."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free = shutil.disk_usage(folder).free
        raise no_space(folder, f"it is full ({gb(free)} are free) before all of {gb(count)} were written") from error
