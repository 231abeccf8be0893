"""What sequences hold in the KV cache, kept on disk: the first call after a restart need not compute it again.

One file a prefix: its tokens and llama.cpp's copy of their cells, found by the model and the tokens. A file that is not
whole is removed and counts as never written. No failure of the disk fails a request.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import struct
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cortex.engines.llama.prefix import common

logger = logging.getLogger(__name__)

HEAD: Final = struct.Struct("<8sIIQ")  # mark, number of tokens, checksum of all behind it, length of the cells
MARK: Final = b"cortexKV"
SPARE: Final = 1 << 30  # bytes that stay free on the disk
NEW: Final = "new-"  # how the name of a file begins while it is written
OLD: Final = 3600  # seconds: nobody writes it any more
SAMPLES: Final = 64  # places of a model's file that tell it from another
SAMPLE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Kept:
    """A prefix that is on disk."""

    path: Path
    tokens: list[int]


class Shelf:
    """The prefixes of one model, in a folder of its own below `folder`, which takes at most `most` bytes for all
    models; those used longest ago go first. Two servers may share it."""

    def __init__(self, folder: Path, model: str, most: int) -> None:
        self._root, self._folder, self._most = folder, folder / model, most
        self._kept = list(_scan(self._folder))

    def find(self, tokens: Sequence[int], *, whole: bool = False) -> tuple[Kept, int] | None:
        """The prefix that shares the most with these tokens, and how many; with `whole` only one all of whose tokens
        are their beginning."""
        shared = [(common(tokens, kept.tokens), kept) for kept in self._kept]
        fit = [(length, kept) for length, kept in shared if length and (not whole or length == len(kept.tokens))]
        length, best = max(fit, key=lambda pair: pair[0], default=(0, None))
        return (best, length) if best else None

    def read(self, kept: Kept) -> bytes | None:
        """Its cells; None where the file is gone or damaged: it is forgotten then."""
        try:
            data = kept.path.read_bytes()
            os.utime(kept.path)
        except OSError:
            data = b""
        body = memoryview(data)[HEAD.size :]
        if len(data) > HEAD.size and zlib.crc32(body) == HEAD.unpack_from(data)[2]:
            return bytes(body[4 * len(kept.tokens) :])
        self._drop(kept)
        return None

    def write(self, tokens: Sequence[int], cells: bytes) -> None:
        """Keep this prefix, in place of those that are its beginning."""
        body = np.array(tokens, dtype=np.int32).tobytes() + cells
        if len(body) > self._most or not self._make_room(len(body)):
            return
        path = self._folder / f"{hashlib.blake2b(body[: 4 * len(tokens)], digest_size=16).hexdigest()}.kv"
        head = HEAD.pack(MARK, len(tokens), zlib.crc32(body), len(cells))
        try:
            _write(path, head + body)
        except OSError as error:
            logger.warning("a prefix cannot be kept in %s: %s", self._folder, error.strerror or error)
            return
        for kept in [kept for kept in self._kept if tokens[: len(kept.tokens)] == kept.tokens]:
            if kept.path != path:
                self._drop(kept)
        self._kept = [*(kept for kept in self._kept if kept.path != path), Kept(path, list(tokens))]

    def _make_room(self, wanted: int) -> bool:
        """Remove what was used longest ago, of all models, until so many bytes more fit. False where they never do."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            free = shutil.disk_usage(self._folder).free
            files = sorted((file.stat().st_mtime, file.stat().st_size, file) for file in self._root.glob("*/*.kv"))
        except OSError:
            return False
        taken = sum(size for _, size, _ in files)
        for _, size, file in files:
            if taken + wanted <= self._most:
                break
            file.unlink(missing_ok=True)
            taken, free = taken - size, free + size
        self._kept = [kept for kept in self._kept if kept.path.exists()]
        return free - wanted > SPARE

    def _drop(self, kept: Kept) -> None:
        self._kept.remove(kept)
        with contextlib.suppress(OSError):
            kept.path.unlink(missing_ok=True)


def fingerprint(model: Path, *how: object) -> str:
    """A name for a model's file and the way in which it is computed: another one's cells are of no use.

    The weights are not read as a whole: places all over the file tell two of them apart.
    """
    digest = hashlib.blake2b(repr(how).encode(), digest_size=16)
    size = model.stat().st_size
    digest.update(str(size).encode())
    with model.open("rb") as file:
        for place in range(SAMPLES):
            file.seek(size * place // SAMPLES)
            digest.update(file.read(SAMPLE))
    return digest.hexdigest()


def _scan(folder: Path) -> Iterator[Kept]:
    """What is whole, as far as the size tells; the rest is removed, and what a killed process did not finish."""
    for path in folder.glob(f"{NEW}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > OLD:
                path.unlink()
    for path in sorted(folder.glob("*.kv")):
        try:
            yield Kept(path, _tokens(path))
        except (OSError, ValueError):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _tokens(path: Path) -> list[int]:
    with path.open("rb") as file:
        head = file.read(HEAD.size)
        if len(head) < HEAD.size:
            raise ValueError("too short")
        mark, count, _, cells = HEAD.unpack(head)
        if mark != MARK or path.stat().st_size != HEAD.size + 4 * count + cells:
            raise ValueError("not whole")
        tokens: list[int] = np.frombuffer(file.read(4 * count), dtype=np.int32).tolist()
        return tokens


def _write(path: Path, data: bytes) -> None:
    """All or nothing."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=NEW, delete=False) as file:
        try:
            file.write(data)
            file.close()
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
