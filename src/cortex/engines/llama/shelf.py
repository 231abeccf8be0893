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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cortex.engines.llama.tree import Tree

logger = logging.getLogger(__name__)

HEAD: Final = struct.Struct("<8sIIQ")  # mark, number of tokens, checksum of all behind it, length of the cells
MARK: Final = b"cortexKV"
SPARE: Final = 1 << 30  # bytes that stay free on the disk
NEW: Final = "new-"  # how the name of a file begins while it is written
OLD: Final = 3600  # seconds: nobody writes it any more
SAMPLES: Final = 64  # places of a model's file that tell it from another
SAMPLE: Final = 1 << 16

Data = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Kept:
    """A prefix that is on disk."""

    path: Path
    tokens: list[int]


class Shelf:
    """The prefixes of one model, in a folder of its own below `folder`, which takes at most `most` bytes for all
    models; those used longest ago go first. Two servers may share it. `whole`: a prefix is of use only to a prompt that
    has all of it, as where cells cannot be cut."""

    def __init__(self, folder: Path, model: str, most: int, *, whole: bool = False) -> None:
        self._root, self._folder, self._most, self._whole = folder, folder / model, most, whole
        self._kept: dict[Path, Kept] = {}
        self._tree: Tree[Path] = Tree()
        self._warned = False
        try:
            for kept in _scan(self._folder):
                self._add(kept)
        except OSError as error:
            self._warn(error)

    def find(self, tokens: Sequence[int]) -> tuple[Kept, int] | None:
        """The prefix that shares the most with these tokens, and how many; of several the shortest."""
        while found := self._best(tokens):
            if _exists(found[0].path):
                return found
            self._drop(found[0])  # another server made room
        return None

    def _best(self, tokens: Sequence[int]) -> tuple[Kept, int] | None:
        if self._whole:
            length, path = max(self._tree.whole(tokens), default=(0, self._root))
            return (self._kept[path], length) if length else None
        length, paths = self._tree.longest(tokens)
        found = min((self._kept[path] for path in paths), key=lambda kept: len(kept.tokens), default=None)
        return (found, length) if found else None

    def read(self, kept: Kept) -> memoryview | None:
        """Its cells; None where the file is gone or damaged: it is forgotten then."""
        try:
            data = kept.path.read_bytes()
            os.utime(kept.path)
        except OSError:
            data = b""
        body = memoryview(data)[HEAD.size :]
        if len(data) > HEAD.size and zlib.crc32(body) == HEAD.unpack_from(data)[2]:
            return body[4 * len(kept.tokens) :]
        self._drop(kept)
        return None

    def write(self, tokens: Sequence[int], cells: Data) -> None:
        """Keep this prefix, in place of those that are its beginning. Where one begins with it, nothing is written."""
        found = self.find(tokens)
        if found and found[1] == len(tokens):
            return
        try:
            path = self._fill(tokens, cells)
        except OSError as error:
            self._warn(error)
        else:
            if path:
                self._replace(Kept(path, list(tokens)))

    def _fill(self, tokens: Sequence[int], cells: Data) -> Path | None:
        """The file of this prefix; None where there is no room for it."""
        begin = np.array(tokens, dtype=np.int32).tobytes()
        head = HEAD.pack(MARK, len(tokens), zlib.crc32(cells, zlib.crc32(begin)), len(cells))
        if not self._make_room(len(head) + len(begin) + len(cells)):
            return None
        path = self._folder / f"{hashlib.blake2b(begin, digest_size=16).hexdigest()}.kv"
        _write(path, head, begin, cells)
        return path

    def _replace(self, new: Kept) -> None:
        """What is wholly a beginning of this one is kept no more."""
        if not self._whole:
            for _, shorter in list(self._tree.whole(new.tokens)):
                self._drop(self._kept[shorter])
        self._add(new)

    def _make_room(self, wanted: int) -> bool:
        """Remove what was used longest ago, of all models, until so many bytes more fit. False where they never do."""
        if wanted > self._most:
            return False
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        free, files = shutil.disk_usage(self._folder).free, sorted(_used(self._root.glob("*/*.kv")))
        taken = sum(size for _, size, _ in files)
        for _, size, file in files:
            if taken + wanted <= self._most:
                break
            file.unlink(missing_ok=True)
            taken, free = taken - size, free + size
        return free - wanted > SPARE

    def _add(self, kept: Kept) -> None:
        self._kept[kept.path] = kept
        self._tree.put(kept.path, kept.tokens)

    def _drop(self, kept: Kept) -> None:
        del self._kept[kept.path]
        self._tree.drop(kept.path)
        with contextlib.suppress(OSError):
            kept.path.unlink(missing_ok=True)

    def _warn(self, error: OSError) -> None:
        """Say once that the disk does not do what is asked of it."""
        if not self._warned:
            logger.warning("prefixes cannot be kept in %s: %s", self._folder, error.strerror or error)
        self._warned = True


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


def _used(files: Iterable[Path]) -> Iterator[tuple[float, int, Path]]:
    """When each was used last, and its size; another server may be removing them just now."""
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            stat = file.stat()
            yield stat.st_mtime, stat.st_size, file


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _tokens(path: Path) -> list[int]:
    with path.open("rb") as file:
        head = file.read(HEAD.size)
        if len(head) < HEAD.size:
            raise ValueError("too short")
        mark, count, _, cells = HEAD.unpack(head)
        if mark != MARK or not count or path.stat().st_size != HEAD.size + 4 * count + cells:
            raise ValueError("not whole")
        tokens: list[int] = np.frombuffer(file.read(4 * count), dtype=np.int32).tolist()
        return tokens


def _write(path: Path, *parts: Data) -> None:
    """All or nothing."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=NEW, delete=False) as file:
        try:
            for part in parts:
                file.write(part)
            file.close()
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
