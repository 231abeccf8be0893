"""How OpenMP's threads wait for each other: spinning while the cores are free, asleep while other processes want them.

A decode is some hundred short steps, and after each the threads wait for the last of them. On free cores spinning is
fastest: a token of a 0.5B took 42 ms on two cores, and 60 ms asleep. Beside other processes a spinning thread burns the
core that the thread it waits for could have: on the same cores under a load of 6 to 12 a token took 700 to 5,000 ms
with libgomp's own default (300,000 spins), 180 to 440 with 10,000, 100 to 280 with 1,000, and 80 to 240 asleep.

libgomp reads once, as it is loaded, how long to spin. But with OMP_WAIT_POLICY=passive it does not spin while there are
more OpenMP threads than CPUs (its manual, under GOMP_SPINCOUNT). So a few idle threads more make all threads wait
asleep, and without them they spin again.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from cortex.engines.llama import machine

SPINS: Final = 4_000  # about 0.2 ms: on free cores 1,000 were as fast as 300,000, but other processors spin faster
EVERY: Final = 0.5  # seconds between two looks at what others do
CROWDED: Final = 0.3  # cores that our threads lack: from so many on they sleep
FREE: Final = 0.15  # and below so many they spin
VARIABLES: Final = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
GOMP: Final = "libgomp.so.1"


class Idle(Protocol):
    """More OpenMP threads than there are CPUs, from `begin` to `end`."""

    def begin(self) -> None: ...
    def end(self) -> None: ...


@dataclass(slots=True)
class Waits:
    """`busy` tells the seconds that our CPUs spent on anything so far, `own` those that they spent on this process."""

    idle: Idle
    cpus: int
    busy: Callable[[], float | None] = machine.busy
    own: Callable[[], float] = time.process_time
    clock: Callable[[], float] = time.monotonic
    asleep: bool = False
    _last: tuple[float, float] | None = None  # when, and what others had used by then

    def look(self, threads: int) -> None:
        """Before a decode with so many threads. Takes 30 us every half second, and nothing in between."""
        now = self.clock()
        if self._last and now - self._last[0] < EVERY:
            return
        used = (self.busy() or 0.0) - self.own()
        last, self._last = self._last, (now, used)
        if last:
            self._choose(threads + (used - last[1]) / (now - last[0]) - self.cpus)

    def _choose(self, lacking: float) -> None:
        asleep = lacking > (FREE if self.asleep else CROWDED)
        if asleep != self.asleep:
            self.asleep = asleep
            (self.idle.begin if asleep else self.idle.end)()


class IdleThreads:
    """A thread whose OpenMP team has done its work; its members stay, asleep, as long as it does."""

    def __init__(self) -> None:
        self._gomp = ctypes.CDLL(GOMP)
        self._gomp.GOMP_parallel.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
        self._gomp.GOMP_parallel.restype = None
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        ready = threading.Event()
        self._end.clear()
        self._thread = threading.Thread(target=self._hold, args=(ready,), name="idle-openmp", daemon=True)
        self._thread.start()
        ready.wait()

    def end(self) -> None:
        self._end.set()
        if self._thread:
            self._thread.join()

    def _hold(self, ready: threading.Event) -> None:
        nothing = ctypes.cast(ctypes.CDLL(None).free, ctypes.c_void_p)  # C's free(NULL): each thread's whole work
        self._gomp.GOMP_parallel(nothing, None, self._gomp.omp_get_num_procs() + 1, 0)
        ready.set()
        self._end.wait()


@functools.cache
def waits() -> Waits | None:
    """This process's; None where its threads wait in one way only: as the user has said in the environment, or asleep
    where that cannot be changed. To be called before libgomp is loaded.
    """
    if any(name in os.environ for name in VARIABLES):
        return None
    os.environ["OMP_WAIT_POLICY"] = "passive"
    if machine.busy() is None:
        return None
    os.environ["GOMP_SPINCOUNT"] = str(SPINS)
    try:
        return Waits(IdleThreads(), machine.cpus())
    except (OSError, AttributeError):  # no libgomp, or one without these functions
        del os.environ["GOMP_SPINCOUNT"]
        return None
