"""Cortex beside llama-server: the same file, threads, requests and machine, in turn. Writes a report in Markdown.

    python benchmarks/compare.py [--quick] [--only a,c] [--model qwen2.5-coder:0.5b] [--rounds N] [--minutes M]
    python benchmarks/compare.py --other "llama-server=llama-server -m {model} -c {cells} -np {parallel} --port {port}"
    python benchmarks/compare.py --other "elsewhere=http://127.0.0.1:8090"

Rounds go from server to server, so that whatever else the machine does befalls all of them; every ratio is that of one
round's pair. Nothing is compared with a figure from another run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import machine
import report
from report import Result
from scenarios import ALL, Measures, Scenario, Visit, misses
from servers import OURS, PEER, Arm, Server, Unanswered

from cortex.models.pull import pull
from cortex.models.store import Store
from cortex.models.target import local

MODELS = ("qwen2.5-coder:0.5b", "qwen2.5-coder:1.5b")
CONTEXT, PARALLEL = 8192, 8
CELLS = 2 * CONTEXT  # what Cortex takes for so many requests; the peer gets as many
SETTLE = 0.3  # seconds between two servers: OpenMP's threads of the first go on spinning for a while


class Telling:
    """What a download has to say."""

    def say(self, line: str) -> None:
        print(line, flush=True)

    def bytes(self, phase: str, done: int, total: int) -> None:
        pass


def weights(name: str) -> Path:
    """A GGUF file: a path, or a model's id, found where the tests keep theirs and fetched once."""
    if (file := Path(name)).is_file():
        return file.absolute()
    folder = Path(os.environ.get("CORTEX_TEST_MODELS") or "~/.cache/cortex-test-models").expanduser()
    store = Store(folder)
    return (local(store, name) or pull(store, name, Telling())).path


def arms(given: argparse.Namespace) -> list[Arm]:
    return [Arm(*one.split("=", 1)) for one in (given.ours, *(given.other or [f"llama-server={PEER}"]))]


def servers(arms: Sequence[Arm], model: Path, folder: Path, port: int) -> list[Server]:
    places = {"model": model, "context": CONTEXT, "cells": CELLS, "parallel": PARALLEL}
    return [
        Server(arm, {**places, "port": port + index, "folder": folder / arm.name.replace(" ", "-")})
        for index, arm in enumerate(arms)
    ]


def compare(scenario: Scenario, servers: Sequence[Server], rounds: int, until: float) -> Result:
    """Round 0, which is not measured, then so many rounds, or as many as there is time for; one at least."""
    result = Result(scenario, [server.arm.name for server in servers])
    for number in range(min(rounds, scenario.rounds) + 1):
        if number > 1 and time.monotonic() > until:
            break
        others = machine.Others([server.pid for server in servers if server.pid])
        measured = _round(scenario, servers, number, result.forced)
        if number:
            result.rounds.append(measured)
            if not scenario.restarts:  # what processes used that are gone would count as others'
                result.beside.append(others.cores())
    return result


def _round(scenario: Scenario, servers: Sequence[Server], number: int, forced: set[str]) -> dict[str, Measures]:
    leader: dict[Any, Any] = {}
    found: dict[str, Measures] = {}
    for server in servers:
        if number and scenario.restarts:
            server.stop()
            server.start()
        time.sleep(SETTLE if server.pid else 0)
        name = server.arm.name
        visit = Visit(server, leader, leads=server is servers[0], forced=name in forced)
        found[name] = scenario.once(visit, number)
        _trace(visit, f"{scenario.key}{number}")
        if misses(visit):
            forced.add(name)
    return found


def _trace(visit: Visit, round: str) -> None:
    """With CORTEX_BENCH_TRACE: every reply in a line, to see where a scenario's time goes."""
    if os.environ.get("CORTEX_BENCH_TRACE"):
        for key, one in visit.replies.items():
            calls = [call["function"]["name"] for call in one.calls.values()]
            print(
                f"    {round} {visit.server.arm.name:14} {key!s:8} {one.seconds:6.2f} s  prompt {one.prompt} "
                f"({one.cached} cached), {one.tokens} tokens in {one.decodes} decodes, {calls or one.text[:60]!r}"
            )


def measured(
    servers: Sequence[Server], scenarios: Sequence[Scenario], rounds: int, until: float
) -> tuple[list[Result], dict[str, float]]:
    """All scenarios on these servers, and the peak of each one's memory. Those that restart come last: the peak is
    that of a server which has done all the others."""
    found: list[Result] = []
    memory: dict[str, float] = {}
    ordered = sorted(scenarios, key=lambda one: one.restarts)
    try:
        for server in servers:
            server.start()
        for index, scenario in enumerate(ordered):
            if scenario.restarts and not memory:
                memory = _memory(servers)
            share = (until - time.monotonic()) / (len(ordered) - index)
            began = time.monotonic()
            found.append(compare(scenario, servers, rounds, began + max(0.0, share)))
            print(f"  {report.line(found[-1])} ({time.monotonic() - began:.0f} s)", flush=True)
        return found, memory or _memory(servers)
    finally:
        for server in servers:
            server.stop()


def _memory(servers: Iterable[Server]) -> dict[str, float]:
    return {server.arm.name: float(server.memory()) for server in servers}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the small model only, two rounds, ten minutes")
    parser.add_argument("--only", default="", help="scenarios by their letters: a,c")
    parser.add_argument("--model", nargs="+", default=[], help="ids or GGUF files")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=0, help="about how long all of it may take")
    parser.add_argument("--ours", default=f"cortex={OURS}", help="NAME=URL or NAME=COMMAND of the server to judge")
    parser.add_argument("--other", action="append", default=[], help="NAME=URL or NAME=COMMAND; may be repeated")
    parser.add_argument("--port", type=int, default=8090, help="the first of the ports to use")
    parser.add_argument("--report", type=Path, default=Path(__file__).parent / "results" / "report.md")
    given = parser.parse_args()
    if nameless := [one for one in (given.ours, *given.other) if "=" not in one]:
        parser.error(f"{nameless[0]}: a server is NAME=URL or NAME=COMMAND")
    unknown = set(filter(None, given.only.split(","))) - set(ALL)
    if unknown:
        parser.error(f"--only: there is no scenario {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    given.model = given.model or list(MODELS[:1] if given.quick else MODELS)
    given.rounds = given.rounds or (2 if given.quick else 6)
    given.minutes = given.minutes or (10 if given.quick else 60)
    return given


def main() -> None:
    given = options()
    began = time.monotonic()
    head = report.Head(machine.describe(), [arm.name for arm in arms(given)])
    wanted = [ALL[key] for key in ALL if not given.only or key in given.only.split(",")]
    sections: list[report.Section] = []
    for index, model in enumerate(given.model):
        print(model, flush=True)
        left = began + given.minutes * 60 - time.monotonic()
        until = time.monotonic() + left / (len(given.model) - index)
        with tempfile.TemporaryDirectory(prefix="cortex-bench-", ignore_cleanup_errors=True) as folder:
            under_test = servers(arms(given), weights(model), Path(folder), given.port)
            sections.append(report.Section(model, *measured(under_test, wanted, given.rounds, until)))
        report.write(given.report, head, sections, time.monotonic() - began)
    print(f"{given.report}: {(time.monotonic() - began) / 60:.1f} minutes in all")


if __name__ == "__main__":
    try:
        main()
    except Unanswered as error:
        raise SystemExit(str(error)) from error
