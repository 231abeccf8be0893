"""What a process tree takes, and what else runs beside it. Reads /proc: Linux only."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def tree(pid: int) -> list[int]:
    """This process, its children, and theirs."""
    found = [pid]
    for task in _tasks(pid):
        with contextlib.suppress(OSError):
            found += [one for child in (task / "children").read_text().split() for one in tree(int(child))]
    return found


def cpu(pid: int) -> float:
    """Seconds of CPU that the threads of this process took, to the nanosecond; those that have ended do not count."""
    return sum(_first(task / "schedstat") for task in _tasks(pid)) / 1e9


def peak(pid: int) -> int:
    """Bytes: the peaks of resident memory of a process tree, added up. Files mapped into two of them count twice."""
    return sum(_peak(one) for one in tree(pid))


class Others:
    """How many cores other processes kept busy, on average, since it was made. `ours` are the trees that do not
    count, beside this process."""

    def __init__(self, ours: list[int]) -> None:
        self._ours = ours
        self._began, self._busy = time.perf_counter(), self._beside()

    def cores(self) -> float:
        return max(0.0, (self._beside() - self._busy) / (time.perf_counter() - self._began))

    def _beside(self) -> float:
        own = sum(cpu(one) for root in self._ours for one in tree(root))
        return _busy() - own - time.process_time()


def describe() -> str:
    """The processor, its cores, and the load: for the head of a report."""
    lines = (PROC / "cpuinfo").read_text().splitlines()
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{len(os.sched_getaffinity(0))} cores of {name}, load average {os.getloadavg()[0]:.1f}"


def _busy() -> float:
    """Seconds of CPU that the machine has spent on anything, what its host took from it included."""
    user, nice, system, _, _, irq, softirq, steal = map(int, (PROC / "stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _tasks(pid: int) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from (PROC / str(pid) / "task").iterdir()


def _first(file: Path) -> int:
    try:
        return int(file.read_text().split()[0])
    except (OSError, IndexError):  # the thread has just ended
        return 0


def _peak(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
