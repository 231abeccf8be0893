"""Which bytes of a growing file are there: kept beside it, so that a download goes on after any end of its process."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PART = 32 << 20  # bytes that one request asks for
UNKNOWN = 1 << 62  # the end of a file whose length nobody told


@dataclass(slots=True)
class Span:
    """The bytes from `start` up to `at` are there, those up to `end` are wanted. One thread at a time moves `at`."""

    start: int
    at: int
    end: int


@dataclass(slots=True)
class Journal:
    """`version` is what the server called this state of the file (its ETag), "" where it said nothing. `ranges`:
    whether it gives parts; where it does not, nothing that is there can be gone on from."""

    total: int
    version: str
    spans: list[Span]
    ranges: bool = True

    @property
    def done(self) -> int:
        return sum(span.at - span.start for span in self.spans)

    def missing(self) -> Sequence[Span]:
        return [span for span in self.spans if span.at < span.end]

    def same(self, other: Journal) -> bool:
        """Whether both are of the same state of the same file."""
        return (self.total, self.version) == (other.total, other.version)

    def text(self) -> str:
        """Always of one length for one file."""
        spans = [[span.start, span.at, span.end] for span in self.spans]
        text = json.dumps({"total": self.total, "version": self.version, "spans": spans})
        return text.ljust(64 + len(self.version) + 3 * 21 * len(spans))


def write(path: Path, text: str) -> None:
    """Write the text of a journal whole or not at all. On a full disk it is written over the old one, which takes no
    room; were that cut off, nothing would be known of the file."""
    try:
        new = path.with_name(f"{path.name}.new")
        new.write_text(text)
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not path.exists():
            raise
        with path.open("r+") as file:
            file.write(text)


def fresh(total: int, version: str, *, ranges: bool) -> Journal:
    """The journal of a file of which nothing is there. `total` 0: nobody knows its length."""
    if not ranges:
        return Journal(total, version, [Span(0, 0, total or UNKNOWN)], ranges=False)
    starts = range(0, total, PART)
    return Journal(total, version, [Span(start, start, min(start + PART, total)) for start in starts])


def read(path: Path, growing: Path) -> Journal | None:
    """What an earlier try noted of `growing`; None where that is nothing, or not to be trusted."""
    try:
        noted = json.loads(path.read_text())
        found = Journal(int(noted["total"]), str(noted["version"]), [Span(*map(int, span)) for span in noted["spans"]])
        length = growing.stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return None
    ends = [0, *(span.end for span in found.spans)]
    whole = ends[-1] == found.total and all(
        span.start == before and span.start <= span.at <= span.end and (span.at == span.start or span.at <= length)
        for before, span in zip(ends, found.spans, strict=False)
    )
    return found if whole else None
