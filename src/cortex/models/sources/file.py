"""A file on this machine, copied. The source of tests and of mounted drives; never moves or changes the original."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cortex.models.sources import Progress, Unreachable, need_space

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    path: str

    def __str__(self) -> str:
        return self.path

    def fetch(self, target: Path, progress: Progress, *, size: int = 0) -> str | None:
        try:
            with Path(self.path).open("rb") as source, target.open("wb") as out:
                total = Path(self.path).stat().st_size
                need_space(target.parent, total)
                while chunk := source.read(CHUNK):
                    out.write(chunk)
                    progress(out.tell(), total)
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            raise Unreachable(f"{self.path} cannot be read: {error.strerror}") from error
        return None
