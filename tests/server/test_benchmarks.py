"""The harness of `make bench` against servers that play scripts: what it sends, counts and reports. Times nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from played import SCRIPTS, PlayedService, Serving, serving

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def calls() -> Iterator[Serving[PlayedService]]:
    with serving(PlayedService({"call": SCRIPTS["call"]})) as served:
        yield served


@pytest.fixture(scope="module")
def words() -> Iterator[Serving[PlayedService]]:
    with serving(PlayedService({"words": SCRIPTS["words"]})) as served:
        yield served


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "compare.py"), "--model", __file__, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_two_servers_by_their_addresses_are_compared_and_goals_are_told(
    calls: Serving[PlayedService], words: Serving[PlayedService], tmp_path: Path
) -> None:
    report = tmp_path / "new" / "report.md"
    servers = [f"--ours=one={calls.url}", f"--other=two={words.url}/v1"]
    done = run(*servers, "--only=b,d,e,f,h,j", "--rounds=2", f"--report={report}")
    assert done.returncode == 0, done.stderr
    page = report.read_text()
    assert "| b | auto, two tools: decodes per token |  | 0.71 (0.71 to 0.71) | at most 0.35 | **not met** |" in page
    assert "| b | tokens | 7 | 7 | 2 |" in page
    assert "eight agents at once: tokens per second | two |" in page
    assert "In b, d, e, f, h, j two made no call where ours did" in page
    assert report.with_suffix(".svg").read_text().startswith("<svg")


def test_a_server_without_calls_is_asked_for_as_many_tokens_as_ours_took(
    calls: Serving[PlayedService], words: Serving[PlayedService], tmp_path: Path
) -> None:
    words.service.asked.clear()
    servers = [f"--ours=one={calls.url}", f"--other=two={words.url}"]
    assert run(*servers, "--only=a", "--rounds=1", f"--report={tmp_path / 'report.md'}").returncode == 0
    natural, forced = words.service.asked[1:]  # after the one that asks whether it is there
    assert (natural.max_tokens, natural.ignore_eos) == (400, False)
    assert (forced.max_tokens, forced.ignore_eos) == (7, True)


def test_unknown_scenarios_and_servers_without_a_name_are_refused() -> None:
    assert "no scenario z" in run("--only=a,z").stderr
    assert "NAME=URL or NAME=COMMAND" in run("--other=http://127.0.0.1:1").stderr


def test_a_server_that_does_not_start_is_named(calls: Serving[PlayedService]) -> None:
    done = run(f"--ours=one={calls.url}", "--other=two={python} -c exit(3)", "--only=a")
    assert done.returncode == 1
    assert "two ended with 3" in done.stderr
