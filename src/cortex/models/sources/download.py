"""One file over HTTP, in parallel parts where the server allows ranges, resumed where an earlier try was cut off.

The bytes grow in `NAME.part`, and `NAME.json` says which of them are there; the file gets its name when it is whole.
A token goes to the first host only: httpx takes it away when it is led to another one.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from cortex.models.sources import (
    Denied,
    Missing,
    NoSpace,
    Progress,
    Unreachable,
    full_disk_told,
    journal,
    need_space,
    network,
)
from cortex.models.sources.journal import Journal, Span
from cortex.models.sources.line import Again, Line

if TYPE_CHECKING:
    import httpx

PATIENCE = 30.0  # seconds without a byte, after which a connection is given up
WORKERS = 4  # connections at once
TICK = 0.2  # seconds between two words of progress
NOTE = 1.0  # seconds between two notes: what came after the last one is lost when the process is killed
SYNC = getattr(os, "fdatasync", os.fsync)  # macOS has only the second
PLAIN = {"Accept-Encoding": "identity"}


def download(
    url: str, target: Path, progress: Progress, *, size: int = 0, headers: Mapping[str, str] | None = None
) -> None:
    """Bring what `url` has to `target`. Raises `Unreachable`, `NoSpace`, or what `progress` raises.

    `size` is the exact number of bytes where it is known, else 0. A whole `target` of an earlier try is taken as it is.
    """
    if not target.exists():
        with network.client(timeout=PATIENCE, headers=headers) as client:
            _fetch(Line(client, url), target, progress, size)
    count = target.stat().st_size
    progress(count, count)


def following(progress: Progress, before: int, size: int) -> Progress:
    """The progress of a file that comes after `before` bytes of others; `size` is all of them, 0 where unknown."""
    return lambda done, total: progress(before + done, size or (before + total if total else 0))


def _fetch(line: Line, target: Path, progress: Progress, size: int) -> None:
    growing, note = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.json")
    try:
        notes = _begun(journal.read(note, growing), line, progress, size)
        if not notes.done:
            growing.unlink(missing_ok=True)  # nothing that is there is known to be a part of what the server has
        need_space(growing.parent, notes.total - notes.done)
        file = _File(growing, note, notes)
        try:
            file.note()  # now, while there is room
            _all(line, file, progress)
        finally:
            file.close()
    finally:
        line.stopped.set()
    growing.replace(target)
    note.unlink(missing_ok=True)


def _begun(noted: Journal | None, line: Line, progress: Progress, size: int) -> Journal:
    """The journal to go on with: what was noted, if the server still has the same file."""
    done = noted.done if noted else 0
    found: list[Journal] = []

    def look(answer: httpx.Response) -> None:
        found.append(_looked(answer, size))

    failed = _together([lambda: line.ask(look, lambda: _range(0, 1))], lambda: progress(done, size))
    if failed:
        raise failed
    same = noted and found[0].ranges and noted.same(found[0])
    return noted if noted and same else found[0]


def _looked(answer: httpx.Response, size: int) -> Journal:
    """What the server has. One byte was asked for; the answer tells the size, and whether there are ranges."""
    part = re.fullmatch(r"bytes 0-0/(\d+)", answer.headers.get("content-range", ""))
    total = int(part[1]) if part else int(answer.headers.get("content-length", 0))
    if size and total and total != size:
        raise Missing(f"{answer.url} has {total:,} bytes, and the file that is wanted has {size:,}")
    version = answer.headers.get("etag") or answer.headers.get("last-modified") or ""
    return journal.fresh(total or size, version, ranges=answer.status_code == 206 and part is not None)


def _all(line: Line, file: _File, progress: Progress) -> None:
    """Fetch what is missing, by several workers; again, as long as at least one of them gets something."""
    while missing := file.notes.missing():
        before, spans = file.notes.done, SimpleQueue[Span]()
        for span in missing:
            spans.put(span)
        work = partial(_work, line, file, spans)
        failed = _together([work] * min(WORKERS, len(missing)), lambda: _tick(file, progress))
        if failed and file.notes.done == before:
            raise failed


def _tick(file: _File, progress: Progress) -> None:
    file.note(after=NOTE)
    progress(file.notes.done, file.notes.total)


def _work(line: Line, file: _File, spans: SimpleQueue[Span]) -> None:
    with suppress(Empty):
        while not line.stopped.is_set():
            _span(line, file, spans.get_nowait())


def _span(line: Line, file: _File, span: Span) -> None:
    """Bring one span, going on at the byte where a connection broke."""

    def receive(answer: httpx.Response) -> None:
        if file.notes.ranges and answer.status_code != 206:
            raise Again("it gives no ranges any more")
        if not file.notes.ranges:
            span.at = span.start
        for chunk in answer.iter_raw():  # of no fixed size, which would lose what came before a break
            if not file.write(span, chunk):
                return
        if span.end == journal.UNKNOWN:
            span.end = file.notes.total = span.at
        if span.at < span.end:
            raise Again(f"it broke off after {span.at:,} bytes")

    line.ask(receive, lambda: _range(span.at, span.end) if file.notes.ranges else PLAIN, lambda: span.at)


def _range(start: int, end: int) -> dict[str, str]:
    return PLAIN | {"Range": f"bytes={start}-{end - 1}"}


def _together(works: list[Callable[[], None]], tick: Callable[[], None]) -> Unreachable | None:
    """Run the works at once, each in a thread, and `tick` until they have ended.

    A connection too many is no failure of the others, so an `Unreachable` is returned, and only after all have ended.
    What else is raised, is raised at once. The threads are daemons: one that waits for an answer holds nobody up.
    """
    ended: SimpleQueue[BaseException | None] = SimpleQueue()
    for work in works:
        threading.Thread(target=_run, args=(work, ended), name="download", daemon=True).start()
    failed, left = None, len(works)
    while left:
        with suppress(Empty):
            outcome = ended.get(timeout=TICK)
            left -= 1
            if isinstance(outcome, Unreachable) and not isinstance(outcome, Missing | Denied):
                failed = outcome
            elif outcome:
                raise outcome
        tick()
    return failed


def _run(work: Callable[[], None], ended: SimpleQueue[BaseException | None]) -> None:
    try:
        work()
    except BaseException as error:  # noqa: BLE001 the thread that waits raises it
        ended.put(error)
    else:
        ended.put(None)


class _File:
    """The growing file and its journal. Several threads write, until it is closed; then nobody does any more."""

    def __init__(self, path: Path, note: Path, notes: Journal) -> None:
        self.path, self.notes = path, notes
        self._note, self._noted = note, time.monotonic()
        self._lock = threading.Lock()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)

    def write(self, span: Span, chunk: bytes) -> bool:
        """Write what comes next in the span; False where there is no use in more of it."""
        rest = memoryview(chunk)[: span.end - span.at]  # a server may send more than it was asked for
        with self._lock, full_disk_told(self.path.parent, self.notes.total):
            if self._descriptor < 0:
                return False
            while rest:
                count = os.pwrite(self._descriptor, rest, span.at)
                rest, span.at = rest[count:], span.at + count
        return span.at < span.end

    def note(self, *, after: float = 0.0) -> None:
        """Write down what is there, unless that was done less than `after` seconds ago."""
        if self.notes.ranges and time.monotonic() - self._noted >= after:
            text = self.notes.text()
            with full_disk_told(self.path.parent, self.notes.total):
                SYNC(self._descriptor)  # only what is on the disk is noted
                journal.write(self._note, text)
            self._noted = time.monotonic()

    def close(self) -> None:
        with self._lock:
            with suppress(NoSpace, OSError):  # then the last note holds
                self.note()
            os.close(self._descriptor)
            self._descriptor = -1
