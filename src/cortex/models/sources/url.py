"""A file behind a plain address, with the other parts where it is the first of a split model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

from cortex.models.shards import shards
from cortex.models.sources import Got, Progress
from cortex.models.sources.download import download, following


@dataclass(frozen=True, slots=True)
class Url:
    url: str

    def __str__(self) -> str:
        return self.url

    @property
    def address(self) -> str:
        return self.url

    def fetch(self, folder: Path, progress: Progress, *, size: int = 0) -> Sequence[Got]:
        path = urlparse(self.url).path
        name = unquote(path).rpartition("/")[2]
        parts = shards(name)
        done, got = 0, []
        for part in parts:
            # Only the path's last word changes: a signature behind a ? is for one file and goes with it.
            url = self.url if part == name else self.url.replace(path, path.removesuffix(name) + part)
            file = folder / part
            download(url, file, following(progress, done, size), size=size if len(parts) == 1 else 0)
            done += file.stat().st_size
            got.append(Got(file))
        return got
