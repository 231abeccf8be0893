"""What this machine has, for people and for the memory budget. Reads /proc and /sys, and asks nvidia-smi."""

from __future__ import annotations

import csv
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from cortex.core.errors import BadRequest

MIB: Final = 1 << 20
GIB: Final = 1 << 30
ROOT: Final = Path("/")
GLANCE: Final = 0.05  # seconds that the use of the CPU is looked at
VISIBLE: Final = "CUDA_VISIBLE_DEVICES"  # what models, which are processes that we start, may see
NVIDIA: Final = ("index", "name", "uuid", "memory.total", "memory.free", "driver_version", "compute_cap")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes; None where the system does not tell. A container's limit counts."""

    total: int | None
    available: int | None


def memory(root: Path = ROOT) -> Memory:
    known = _pairs(_text(root / "proc/meminfo"))
    total, available = (_kib(known.get(key, "")) for key in ("MemTotal", "MemAvailable"))
    limit = _text(root / "sys/fs/cgroup/memory.max").strip()
    if limit.isdigit():
        total = min(int(limit), total or int(limit))
        used = _text(root / "sys/fs/cgroup/memory.current").strip()
        if used.isdigit():
            left = total - int(used) + _cached(root)
            available = min(left, available if available is not None else left)
    return Memory(total, available)


def hardware(folder: Path) -> dict[str, Any]:
    """The shape of `/v1/hardware`; `folder` is on the disk that is shown. Takes a moment."""
    return {
        "cpu": _cpu(ROOT),
        "os": {"name": _os_name(ROOT), "version": platform.release()},
        "ram": _ram(),
        "storage": _storage(folder),
        "gpus": gpus(),
        "power": _power(ROOT),
    }


def gpus() -> list[dict[str, Any]]:
    """The NVIDIA GPUs; [] where there is none."""
    if not shutil.which("nvidia-smi"):
        return []
    command = ["nvidia-smi", f"--query-gpu={','.join(NVIDIA)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parsed(done.stdout, os.environ.get(VISIBLE)) if done.returncode == 0 else []


def activate(wanted: Sequence[int]) -> None:
    """Let models that are loaded from now on use these GPUs only. `BadRequest` where one is not there.

    They are told by their UUIDs: CUDA may number them otherwise than nvidia-smi, the fastest first.
    """
    here = {int(gpu["id"]): str(gpu["uuid"]) for gpu in gpus()}
    for number in wanted:
        if number not in here:
            there = f"there are: {', '.join(map(str, here))}" if here else "this machine has none that nvidia-smi knows"
            raise BadRequest(f"gpus: there is no GPU {number}; {there}", param="gpus")
    os.environ[VISIBLE] = ",".join(here[number] for number in wanted)


def parsed(table: str, visible: str | None) -> list[dict[str, Any]]:
    """The GPUs of nvidia-smi's table, memory in MiB. `visible` are those that programs may use (None: all), by number
    or by the beginning of their UUID."""
    rows = [row for row in csv.reader(table.splitlines(), skipinitialspace=True) if len(row) == len(NVIDIA)]
    chosen = None if visible is None else [part.strip() for part in visible.split(",")]
    return [_gpu(row, chosen) for row in rows]


def _gpu(row: list[str], chosen: Sequence[str] | None) -> dict[str, Any]:
    index, name, uuid, total, free, driver, capability = row
    return {
        "id": index,
        "name": name,
        "version": capability,
        "total_vram": _number(total),
        "free_vram": _number(free),
        "uuid": uuid,
        "activated": chosen is None or any(one == index or (one and uuid.startswith(one)) for one in chosen),
        "vendor": "NVIDIA",
        "additional_information": {"driver_version": driver, "compute_cap": capability},
    }


def _cpu(root: Path) -> dict[str, Any]:
    known = _pairs(_text(root / "proc/cpuinfo"))
    flags = (known.get("flags") or known.get("Features") or "").split()
    return {
        "arch": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "model": known.get("model name", platform.processor()),
        "usage": _usage(root),
        "instructions": [
            flag for flag in flags if flag.startswith(("avx", "sse4", "fma", "f16c", "amx", "neon", "sve"))
        ],
    }


def _usage(root: Path) -> float:
    """The part of its time that the CPU works, in percent, over a moment."""
    before = _ticks(root)
    time.sleep(GLANCE)
    after = _ticks(root)
    if not before or not after:
        return 0.0
    idle, total = (sum(now[part] - then[part] for part in parts) for now, then, parts in _spans(before, after))
    return round(100 * (1 - idle / total), 1) if total > 0 else 0.0


def _spans(before: list[int], after: list[int]) -> Any:
    yield after, before, (3, 4)  # idle, iowait
    yield after, before, range(min(len(before), len(after)))


def _ticks(root: Path) -> list[int]:
    lines = _text(root / "proc/stat").splitlines()
    return [int(number) for number in lines[0].split()[1:]] if lines else []


@cache
def _os_name(root: Path) -> str:
    lines = _text(root / "etc/os-release").splitlines()
    known = {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}
    return known.get("PRETTY_NAME") or platform.system()


def _ram() -> dict[str, Any]:
    found = memory()
    return {"total": (found.total or 0) // MIB, "available": (found.available or 0) // MIB, "type": ""}


def _storage(folder: Path) -> dict[str, Any]:
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return {"total": usage.total // GIB, "available": usage.free // GIB, "type": ""}


def _power(root: Path) -> dict[str, Any]:
    batteries = sorted((root / "sys/class/power_supply").glob("BAT*"))
    level = _text(batteries[0] / "capacity").strip() if batteries else ""
    status = _text(batteries[0] / "status").strip() if batteries else ""
    return {
        "battery_life": int(level) if level.isdigit() else 0,
        "charging_status": status,
        "is_power_saving": status == "Discharging",
    }


def _cached(root: Path) -> int:
    """Cached files count as used in a container, but give way when memory is wanted."""
    pairs = [line.split() for line in _text(root / "sys/fs/cgroup/memory.stat").splitlines()]
    return sum(int(number) for key, number in pairs if key in ("inactive_file", "active_file"))


def _kib(text: str) -> int | None:
    """Bytes of a line such as `24650752 kB`."""
    number = text.split()[0] if text.split() else ""
    return int(number) * 1024 if number.isdigit() else None


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _pairs(text: str) -> dict[str, str]:
    """The first of each `key: value`."""
    pairs: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            pairs.setdefault(key.strip(), value.strip())
    return pairs


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
