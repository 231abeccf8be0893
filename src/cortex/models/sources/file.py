"""A file on this machine, copied, with the other parts where it is the first of a split model. Never changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cortex.models.shards import shards
from cortex.models.sources import Got, Missing, Progress, full_disk_told, need_space

CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class File:
    path: str

    def __str__(self) -> str:
        return self.path

    @property
    def address(self) -> str:
        return Path(self.path).absolute().as_uri()

    def fetch(self, folder: Path, progress: Progress, *, size: int = 0) -> Sequence[Got]:
        original = Path(self.path)
        parts = [original.with_name(name) for name in shards(original.name)]
        try:
            total = sum(part.stat().st_size for part in parts)
        except OSError as error:
            raise _unread(error) from error
        need_space(folder, total)
        try:
            with full_disk_told(folder, total):
                return _copied(parts, folder, progress, total)
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            raise _unread(error) from error


def _unread(error: OSError) -> Missing:
    return Missing(f"{error.filename} cannot be read: {error.strerror}")


def _copied(parts: Sequence[Path], folder: Path, progress: Progress, total: int) -> Sequence[Got]:
    done = 0
    for part in parts:
        with part.open("rb") as source, (folder / part.name).open("wb") as out:
            while chunk := source.read(CHUNK):
                out.write(chunk)
                done += len(chunk)
                progress(done, total)
    return [Got(folder / part.name) for part in parts]
