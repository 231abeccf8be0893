"""A file behind a plain address, resumed where it was cut off. Never sends a token to another host than the first."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cortex.models.sources import Progress, Unreachable, need_space

if TYPE_CHECKING:
    import httpx

TRIES = 4  # in a row without one new byte


@dataclass(frozen=True, slots=True)
class Url:
    url: str

    def __str__(self) -> str:
        return self.url

    def fetch(self, target: Path, progress: Progress, *, size: int = 0) -> str | None:
        download(self.url, target, progress, size=size)
        return None


def download(
    url: str, target: Path, progress: Progress, *, size: int = 0, headers: Mapping[str, str] | None = None
) -> None:
    """Bring what `url` has to `target`, going on from the bytes that are already there. Raises `Unreachable`."""
    import httpx  # late: it takes a quarter of a second to import, and most commands need no download

    failures, pause = 0, 0.5
    with httpx.Client(follow_redirects=True, timeout=httpx.Timeout(30, connect=5), headers=headers) as client:
        while True:
            before = _length(target)
            try:
                return _continue(client, url, target, progress, size)
            except httpx.TransportError as error:
                failures = 0 if _length(target) > before else failures + 1
                if failures >= TRIES or (not before and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)):
                    raise Unreachable(f"{httpx.URL(url).host} cannot be reached: {error}") from error
                time.sleep(pause * 2**failures)


def _continue(client: httpx.Client, url: str, target: Path, progress: Progress, size: int) -> None:
    """One request for what is missing. httpx drops the Authorization header when it is led to another host."""
    have = _length(target)
    if size and have == size:
        return progress(have, size)
    if size and have > size:
        target.unlink()
        have = 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code == 416:  # more is here than there is
            target.unlink()
            return _continue(client, url, target, progress, size)
        if answer.status_code not in (200, 206):
            raise Unreachable(f"{answer.url.host} answered {answer.status_code} {answer.reason_phrase} for {url}")
        have = have if answer.status_code == 206 else 0  # 200: it starts over
        return _receive(answer, target, progress, have, size)


def _receive(answer: httpx.Response, target: Path, progress: Progress, have: int, size: int) -> None:
    left = int(answer.headers.get("content-length", 0))
    total = size or (have + left if left else 0)
    need_space(target.parent, max(left, total - have))
    with target.open("ab" if have else "wb") as out:
        for chunk in answer.iter_raw():
            out.write(chunk)
            progress(out.tell(), total)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
