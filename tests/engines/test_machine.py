"""What a machine has to offer, read from files as Linux writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cortex.engines.llama import machine


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with four CPUs that this process may use."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    return tmp_path


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_max", ".max").replace("_current", ".current")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def siblings(root: Path, *groups: str) -> None:
    for cpu, group in enumerate(groups):
        path = root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
        path.parent.mkdir(parents=True)
        path.write_text(group + "\n")


def test_without_more_knowledge_every_cpu_gets_a_thread(root: Path) -> None:
    assert machine.threads(root) == 4


def test_two_threads_of_one_core_count_once(root: Path) -> None:
    siblings(root, "0,2", "1,3", "0,2", "1,3")
    assert machine.threads(root) == 2


@pytest.mark.parametrize(
    ("quota", "threads"),
    [("200000 100000", 2), ("max 100000", 4), ("50000 100000", 1), ("900000 100000", 4), ("", 4)],
)
def test_a_quota_limits_the_threads(root: Path, quota: str, threads: int) -> None:
    write(root, sys__fs__cgroup__cpu_max=quota)
    assert machine.threads(root) == threads


def test_the_usual_number_is_tried_first_then_each_cpu_but_never_one_alone(root: Path) -> None:
    siblings(root, "0,2", "1,3", "0,2", "1,3")
    assert machine.candidates(root) == [2, 4]


def test_where_some_cores_are_faster_they_alone_are_tried(root: Path) -> None:
    for cpu, speed in enumerate((5_100_000, 5_000_000, 3_800_000, 3_800_000)):
        path = root / f"sys/devices/system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq"
        path.parent.mkdir(parents=True)
        path.write_text(f"{speed}\n")
    assert machine.candidates(root) == [4, 2, 3]
    for cpu, capacity in enumerate((1024, 446, 446, 446)):
        (root / f"sys/devices/system/cpu/cpu{cpu}/cpu_capacity").write_text(f"{capacity}\n")
    assert machine.candidates(root) == [4, 3], "this file says it better"


def test_a_quota_limits_what_is_tried_and_one_cpu_has_one_thread(root: Path) -> None:
    write(root, sys__fs__cgroup__cpu_max="200000 100000")
    assert machine.candidates(root) == [2]
    write(root, sys__fs__cgroup__cpu_max="100000 100000")
    assert machine.candidates(root) == [1]


def test_a_measurement_holds_for_a_processor_and_what_may_be_used_of_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = [machine.identity(root)]
    write(root, proc__cpuinfo="processor: 0\nmodel name: A\n")
    seen.append(machine.identity(root))
    write(root, sys__fs__cgroup__cpu_max="200000 100000")
    seen.append(machine.identity(root))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    seen.append(machine.identity(root))
    assert len(set(seen)) == 4
    assert machine.identity(root) == seen[-1]


def test_this_machine_has_a_thread_and_memory() -> None:
    assert machine.threads() >= 1
    assert machine.available_memory() is None or machine.available_memory() > 0  # type: ignore[operator]


def test_a_system_that_does_not_say_is_not_guessed_at(root: Path) -> None:
    assert machine.available_memory(root) is None


def test_memory_is_what_the_system_has_available(root: Path) -> None:
    write(root, proc__meminfo="MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable:   2048 kB\n")
    assert machine.available_memory(root) == 2048 * 1024


def test_a_container_has_what_its_limit_leaves_and_its_cached_files(root: Path) -> None:
    write(root, proc__meminfo="MemAvailable: 999999 kB\n", sys__fs__cgroup__memory_max="1000\n")
    write(root, sys__fs__cgroup__memory_current="700\n")
    (root / "sys/fs/cgroup/memory.stat").write_text("anon 400\nactive_file 100\ninactive_file 200\n")
    assert machine.available_memory(root) == 600


def test_a_container_without_a_limit_has_the_machines(root: Path) -> None:
    write(root, proc__meminfo="MemAvailable: 3 kB\n", sys__fs__cgroup__memory_max="max\n")
    write(root, sys__fs__cgroup__memory_current="700\n")
    assert machine.available_memory(root) == 3 * 1024


def test_what_the_cpus_did_is_counted_for_those_of_this_process_and_idling_is_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2}, raising=False)
    ticks = os.sysconf("SC_CLK_TCK")
    rows = [f"cpu{cpu} {cpu * ticks} 0 {ticks} 900 800 0 0 {ticks} 7 7" for cpu in range(4)]
    write(root, proc__stat="\n".join(["cpu 1 2 3 4 5 6 7 8 9 10", *rows, "intr 5"]))
    assert machine.busy(root) == 0 + 1 + 1 + 2 + 1 + 1


def test_where_the_system_does_not_say_what_the_cpus_did_nothing_is_claimed(root: Path) -> None:
    assert machine.busy(root) is None
