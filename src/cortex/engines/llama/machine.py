"""What this machine has to offer: cores and memory. Reads /proc and /sys; None or a fallback where there is none."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path("/")
ALIKE: Final = 0.85  # of the fastest core's speed: those that are boosted a little more are no kind of their own


def threads(root: Path = ROOT) -> int:
    """How many threads compute best: the physical cores this process may use, no more than its CPU quota pays for.

    Decoding waits for memory, so a second thread on the same core brings nothing, and llama.cpp's threads wait for
    each other by spinning, so a thread too many costs far more than one too few.
    """
    cores = {_siblings(root, cpu) for cpu in _cpus()}
    quota = _quota(root)
    return max(1, min(len(cores), quota or len(cores)))


def candidates(root: Path = ROOT) -> list[int]:
    """Numbers of threads that may compute best, the likeliest first: `threads`; one for each CPU; the cores that are
    faster than others; one less than there are, but not one alone: on two cores that is best only while a neighbour,
    whom this system need not see, has one of them."""
    cpus, limit = _cpus(), _quota(root) or len(_cpus())
    fast = {_siblings(root, cpu) for cpu in _fast(root, cpus)}
    found = [threads(root), *(min(limit, count) for count in (len(cpus), len(fast))), threads(root) - 1]
    return list(dict.fromkeys(count for count in found if count > 1)) or [1]


def identity(root: Path = ROOT) -> str:
    """What a measurement holds for: the processor, and what this process may use of it."""
    named = ("model name", "CPU part")
    lines = {line for line in (_read(root / "proc/cpuinfo") or "").splitlines() if line.startswith(named)}
    return repr((platform.machine(), sorted(lines), sorted(_cpus()), candidates(root), _quota(root)))


def others() -> float:
    """Seconds that the CPUs of this process have spent on others so far; 0 where the system does not say."""
    used = busy()
    return 0.0 if used is None else used - time.process_time()


def available_memory(root: Path = ROOT) -> int | None:
    """Bytes that a new process can have without swapping; None where the system does not say."""
    known = [bytes for bytes in (_meminfo(root), _cgroup_memory(root)) if bytes is not None]
    return min(known, default=None)


def cpus() -> int:
    """How many CPUs this process may use."""
    return len(_cpus())


def busy(root: Path = ROOT) -> float | None:
    """Seconds that the CPUs of this process have spent on anything so far, what a host took from them included; None
    where the system does not say."""
    wanted = {f"cpu{cpu}" for cpu in _cpus()}
    lines = (line.split() for line in (_read(root / "proc/stat") or "").splitlines())
    rows = [[int(ticks) for ticks in words[1:9]] for words in lines if words and words[0] in wanted]
    idle = sum(row[3] + row[4] for row in rows)  # waiting for a disk is idle, too
    return (sum(map(sum, rows)) - idle) / os.sysconf("SC_CLK_TCK") if rows else None


def _cpus() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _siblings(root: Path, cpu: int) -> str:
    """A name for the physical core of this CPU: the list of all CPUs on it."""
    text = _read(root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    return text.strip() if text else str(cpu)


def _fast(root: Path, cpus: set[int]) -> list[int]:
    """Those of these CPUs that are about as fast as the fastest, as far as the system tells."""
    speeds = {cpu: _speed(root / f"sys/devices/system/cpu/cpu{cpu}") for cpu in cpus}
    return [cpu for cpu, speed in speeds.items() if speed >= ALIKE * max(speeds.values())]


def _speed(cpu: Path) -> int:
    text = _read(cpu / "cpu_capacity") or _read(cpu / "cpufreq/cpuinfo_max_freq") or ""
    return int(text) if text.strip().isdigit() else 0


def _quota(root: Path) -> int | None:
    """cgroup v2's `cpu.max`: `200000 100000` is two CPUs, `max 100000` is no limit."""
    match (_read(root / "sys/fs/cgroup/cpu.max") or "").split():
        case [quota, period] if quota.isdigit():
            return max(1, int(quota) // int(period))
    return None


def _meminfo(root: Path) -> int | None:
    for line in (_read(root / "proc/meminfo") or "").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _cgroup_memory(root: Path) -> int | None:
    """What cgroup v2 leaves us. Cached files count as used there, but give way when memory is wanted."""
    limit = _read(root / "sys/fs/cgroup/memory.max")
    used = _read(root / "sys/fs/cgroup/memory.current")
    if limit is None or used is None or not limit.strip().isdigit():
        return None
    stat = dict(line.split() for line in (_read(root / "sys/fs/cgroup/memory.stat") or "").splitlines())
    return int(limit) - int(used) + int(stat.get("inactive_file", 0)) + int(stat.get("active_file", 0))


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
