"""Is this machine fit: the folders, the disk, the memory, the engine's library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from signal import Signals

from cortex.cli import show
from cortex.cli.checks import Finding
from cortex.config import Config
from cortex.core.errors import CortexError

GB = 2**30
LITTLE_DISK, LITTLE_MEMORY = 2 * GB, GB  # a small model takes one and a half of each


def checks(config: Config) -> Iterator[Finding]:
    yield configuration(config)
    data = folder("Data folder", config.data_folder)
    yield data
    if config.log_folder != config.data_folder:
        yield folder("Log folder", config.log_folder)
    if data.state == "ok":  # else it is for that that nobody can use the database
        yield from database(config)
    yield from disk(config.data_folder)
    yield from unfinished(config.data_folder)
    yield from memory()
    yield engine()


def configuration(config: Config) -> Finding:
    there = "" if config.file.exists() else " is not there, which is fine: the defaults hold"
    return Finding("Configuration", "ok", f"{config.file}{there}")


def folder(about: str, path: Path) -> Finding:
    """Whether `path` is a folder that can be written, or can be made."""
    if path.exists() and not path.is_dir():
        return Finding(about, "bad", f"{path} is not a folder", "move it away, or choose another --data_folder_path")
    there = _nearest(path)
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding(
            about, "bad", f"{there} cannot be written by you; it belongs to {_owner(there)}",
            f"`sudo chown -R {os.getuid()} {there}`, or choose another --data_folder_path",
        )  # fmt: skip
    if foreign := _not_ours(path):
        return Finding(
            about, "bad", f"{foreign} cannot be read and written by you; it belongs to {_owner(foreign)}",
            f"`sudo chown -R {os.getuid()} {path}`",
        )  # fmt: skip
    return Finding(about, "ok", f"{path}{'' if path.exists() else ' will be made'}")


def database(config: Config) -> Iterator[Finding]:
    from cortex.models.store import Store

    if not (config.data_folder / "cortex.db").exists():
        return
    try:
        count = len(Store(config.data_folder).list())
    except CortexError as error:
        todo = (
            "where the disk is full, free some; where the database is newer, update Cortex; else move cortex.db away "
            "and import the models again"
        )
        yield Finding("Database", "bad", str(error), todo)
        return
    yield Finding("Database", "ok", f"{count} model{'' if count == 1 else 's'}")


def disk(path: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(_nearest(path)).free
    says = f"{show.size(free)} free where the models are kept"
    if free < LITTLE_DISK:
        yield Finding(
            "Disk", "warn", says, "`cortex models delete ID` frees some; or choose another --data_folder_path"
        )
    else:
        yield Finding("Disk", "ok", says)


def unfinished(path: Path) -> Iterator[Finding]:
    """What pulls left behind that were not ended."""
    left = path / "models" / ".partial"
    size = sum(file.stat().st_size for file in left.rglob("*") if file.is_file()) if left.is_dir() else 0
    if size:
        says = f"{show.size(size)} of downloads that were not ended"
        yield Finding("Downloads", "warn", says, f"pull them again, or remove {left}")


def memory() -> Iterator[Finding]:
    from cortex.engines.llama.machine import available_memory, threads

    free = available_memory()
    if free is None:
        return
    says = f"{show.size(free)} free, {threads()} thread{'' if threads() == 1 else 's'} for a model"
    if free < LITTLE_MEMORY:
        yield Finding("Memory", "warn", says, "`cortex ps` shows what is loaded, `cortex models stop ID` frees it")
    else:
        yield Finding("Memory", "ok", says)


def engine() -> Finding:
    """Whether llama.cpp's library can be used; in a process of its own, as native code may take its process down."""
    from cortex.engines.llama.abi import LIBRARY, PINNED

    try:
        found = version("xllamacpp")
    except PackageNotFoundError:
        found = ""
    named = os.environ.get(LIBRARY)
    if not named and found != PINNED:
        have = f"xllamacpp {found}" if found else "no xllamacpp"
        return Finding(
            "Engine", "bad", f"{have} is installed, and xllamacpp {PINNED} is needed",
            f"`{sys.executable} -m pip install xllamacpp=={PINNED}`",
        )  # fmt: skip
    tried = subprocess.run(
        [sys.executable, "-c", "from cortex.engines.llama import abi; abi.load()"], capture_output=True, text=True
    )
    if tried.returncode == 0:
        return Finding("Engine", "ok", f"llama.cpp of {named or f'xllamacpp {found}'}")
    died = tried.returncode < 0
    why = f"it ends with {Signals(-tried.returncode).name}" if died else tried.stderr.strip().splitlines()[-1]
    todo = f"unset {LIBRARY}" if named else f"`{sys.executable} -m pip install --force-reinstall xllamacpp=={PINNED}`"
    return Finding("Engine", "bad", f"llama.cpp cannot be loaded: {why}", todo)


def _nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(place for place in (path, *path.parents) if place.exists())


def _not_ours(path: Path) -> Path | None:
    """Something right in the data folder that we may not use, as where the server once ran as root."""
    if not path.is_dir():
        return None
    return next((item for item in sorted(path.iterdir()) if not os.access(item, os.R_OK | os.W_OK)), None)


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return f"user {path.stat().st_uid}"
