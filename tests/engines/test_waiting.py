"""OpenMP's threads spin while the cores are free, and sleep while others want them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cortex.engines.llama.waiting import Waits


@dataclass
class Told:
    """Idle threads that are only told of, on a machine whose others use so many cores."""

    others: float = 0.0
    now: float = 100.0
    used: float = 50.0
    orders: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self.orders.append("sleep")

    def end(self) -> None:
        self.orders.append("spin")

    def waits(self, cpus: int) -> Waits:
        return Waits(self, cpus, busy=lambda: self.used, own=lambda: 0.0, clock=lambda: self.now)

    def after(self, seconds: float, others: float) -> None:
        self.now, self.used = self.now + seconds, self.used + seconds * others


def looked(told: Told, waits: Waits, *others: float, threads: int = 2) -> list[str]:
    waits.look(threads)
    for cores in others:
        told.after(1.0, cores)
        waits.look(threads)
    return told.orders


def test_they_spin_while_the_cores_are_free() -> None:
    told = Told()
    assert looked(told, told.waits(2), 0.0, 0.1, 0.2) == []


def test_they_sleep_while_others_want_the_cores_and_spin_again_after() -> None:
    told = Told()
    assert looked(told, told.waits(2), 0.0, 1.0, 1.0, 0.0) == ["sleep", "spin"]


def test_between_the_two_they_stay_as_they_are() -> None:
    told = Told()
    assert looked(told, told.waits(2), 0.2, 0.5, 0.2, 0.1) == ["sleep", "spin"]


def test_what_others_use_counts_only_where_too_few_cores_are_left() -> None:
    told = Told()
    assert looked(told, told.waits(8), 5.0, 6.0, 6.5, threads=2) == ["sleep"]


def test_what_this_process_used_is_not_counted() -> None:
    told = Told()
    waits = Waits(told, 2, busy=lambda: told.used, own=lambda: told.used - 50.0, clock=lambda: told.now)
    assert looked(told, waits, 2.0, 2.0) == []


def test_others_are_looked_at_twice_a_second_and_not_with_each_decode() -> None:
    told, looks = Told(), 0

    def busy() -> float:
        nonlocal looks
        looks += 1
        return 0.0

    waits = Waits(told, 2, busy=busy, own=lambda: 0.0, clock=lambda: told.now)
    for _ in range(100):
        waits.look(2)
        told.after(0.01, 0.0)
    assert looks == 2


REAL = """
import os, time
from cortex.engines.llama import machine, waiting
waits = waiting.waits()
count = lambda: len(os.listdir("/proc/self/task"))
before = count()
waits.idle.begin()
during = count()
waits.idle.end()
for _ in range(20):
    waits.idle.begin()
    waits.idle.end()
deadline = time.monotonic() + 20
while count() > before and time.monotonic() < deadline:  # the system takes a moment to end them
    time.sleep(0.01)
print(during - before > machine.cpus(), count() - before, os.environ["OMP_WAIT_POLICY"], waiting.waits() is waits)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks at Linux's list of threads")
def test_real_idle_threads_are_more_than_the_cpus_and_go_away() -> None:
    free = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    done = subprocess.run([sys.executable, "-c", REAL], capture_output=True, text=True, env=free)
    assert done.stdout == "True 0 passive True\n", done.stderr


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"])
def test_what_the_user_has_said_holds(name: str) -> None:
    source = "import os; from cortex.engines.llama import waiting; print(waiting.waits(), len(os.environ))"
    said = {**os.environ, "OMP_WAIT_POLICY": "active"} if name == "OMP_WAIT_POLICY" else {**os.environ, name: "5"}
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, env=said)
    assert done.stdout.startswith("None "), done.stderr
