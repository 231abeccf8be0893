"""The engine that says what it is told."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from drive import job, run

from cortex.core.errors import BadRequest, LoadError
from cortex.core.job import Job, Segment, Usage
from cortex.engines import find
from cortex.engines.base import Engine, Load


def scripted(parallel: int = 4, **extra: object) -> Engine:
    return find("scripted")(Load("", "scripted", parallel=parallel, extra=extra), lambda fraction: None)


def free(text: str, grammar: str | None = None) -> Job:
    return job(text, max_tokens=None, grammar=grammar)


def test_replies_are_given_in_order_some_bytes_a_step() -> None:
    engine = scripted(replies=["abcde", b"\xff\xfe"], size=2)
    engine.submit(1, free("x"))
    engine.submit(2, free("y"))
    steps = [[(piece.job, getattr(piece, "data", None)) for piece in engine.step()] for _ in range(3)]
    assert steps == [[(1, b"ab"), (2, b"\xff\xfe")], [(1, b"cd")], [(1, b"e")]]


def test_a_byte_is_a_token() -> None:
    [outcome] = run(scripted(replies=["hello"], size=2), free("one é"))
    assert outcome.used == Usage(prompt=6, completion=5, decodes=3)
    assert outcome.finish == "stop"


def test_log_probabilities_are_known_beforehand() -> None:
    [outcome] = run(scripted(replies=["a"]), replace(free("x"), logprobs=2))
    [chosen] = outcome.tokens
    assert [(one.data, round(math.exp(one.logprob), 3)) for one in chosen.top] == [(b"a", 0.5), (b"b", 0.25)]
    assert chosen.token == chosen.top[0]


def test_a_reply_that_ignores_ends_begins_again() -> None:
    engine = scripted(replies=["abc"], repeat=True)
    bound = replace(job("x", max_tokens=7, grammar='start: "abc"'), ignore_eos=True)
    again, once = run(engine, replace(bound, grammar=None), bound)
    assert (again.text, again.finish) == ("abcabca", "length")
    assert (once.text, once.finish) == ("abc", "stop")


def test_an_empty_reply_ends_at_once() -> None:
    [outcome] = run(scripted(replies=[""]), free("x"))
    assert (outcome.data, outcome.finish) == (b"", "stop")


def test_a_script_that_is_over_refuses() -> None:
    engine = scripted(replies=["one"])
    engine.submit(0, free("x"))
    with pytest.raises(BadRequest, match="1 replies"):
        engine.submit(1, free("x"))


def test_a_repeated_script_begins_again() -> None:
    outcomes = run(scripted(replies=["a", "b"], repeat=True), *[free("x")] * 5)
    assert [outcome.text for outcome in outcomes] == ["a", "b", "a", "b", "a"]


def test_only_so_many_jobs_run_at_once() -> None:
    engine = scripted(parallel=1, replies=["aa", "bb"], size=1)
    engine.submit(0, free("x"))
    engine.submit(1, free("x"))
    assert [[piece.job for piece in engine.step()] for _ in range(4)] == [[0], [0], [1], [1]]


def test_a_checked_reply_passes_where_its_grammar_allows_it() -> None:
    replies = ["ab", "a", "ax", "abb"]
    good, *bad = run(scripted(replies=replies, check=True), *[free("x", 'start: "a" "b"')] * 4)
    assert (good.finish, good.failure) == ("stop", None)
    assert all(one.failure and not one.failure.client for one in bad)


def test_a_checked_grammar_that_does_not_compile_is_refused() -> None:
    with pytest.raises(BadRequest, match="no grammar"):
        scripted(replies=["a"], check=True).submit(0, free("x", "start: nonsense"))


def test_a_job_is_refused_or_fails_by_its_prompt() -> None:
    engine = scripted(replies=["a"], repeat=True, refuse="REFUSE", fail="FAIL")
    with pytest.raises(BadRequest):
        engine.submit(0, free("please REFUSE"))
    fails, fine = run(engine, free("please FAIL"), free("please"))
    assert fails.failure
    assert not fails.failure.client
    assert fine.text == "a"


def test_client_text_and_markup_are_both_seen_in_the_prompt() -> None:
    engine = scripted(replies=["a"], refuse="<a>b")
    with pytest.raises(BadRequest):
        engine.submit(0, Job((Segment("<a>"), Segment("b", markup=False))))


def test_a_step_raises_after_so_many() -> None:
    engine = scripted(replies=["abc"], size=1, raise_after=2)
    engine.submit(0, free("x"))
    engine.step()
    engine.step()
    with pytest.raises(RuntimeError, match="the script raises"):
        engine.step()


@pytest.mark.parametrize(("how", "code"), [("exit_after", 1), ("abort_after", -6)])
def test_the_process_ends_after_so_many_steps(how: str, code: int) -> None:
    source = (
        "from cortex.engines.scripted import Scripted; from cortex.engines.base import Load\n"
        "from cortex.core.job import Job, Segment\n"
        f"engine = Scripted(Load('', extra={{'replies': ['abc'], 'size': 1, '{how}': 1}}), lambda fraction: None)\n"
        "engine.submit(0, Job((Segment('x'),)))\n"
        "print(engine.step()[0].data, flush=True)\n"
        "print(engine.step(), flush=True)\n"
    )
    ended = subprocess.run([sys.executable, "-c", source], capture_output=True, check=False, env=dict(os.environ))
    assert (ended.stdout.split(), ended.returncode) == ([b"b'a'"], code)


def test_a_load_fails_with_the_scripts_message() -> None:
    with pytest.raises(LoadError, match="too little memory"):
        scripted(load_error="too little memory")


def test_progress_is_told_from_nothing_to_all() -> None:
    told: list[float] = []
    find("scripted")(Load("", extra={"load_delay": 0.01}), told.append)
    assert (told[0], told[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("extra", [{"replys": ["a"]}, {"size": 0}])
def test_a_setting_that_is_unknown_or_senseless_fails_the_load(extra: dict[str, Any]) -> None:
    with pytest.raises(LoadError):
        scripted(**extra)


def test_every_event_is_recorded(tmp_path: Path) -> None:
    record = tmp_path / "events"
    engine = scripted(replies=["ab", "cd"], size=1, record=str(record))
    engine.submit(0, free("x"))
    engine.submit(1, free("x"))
    engine.step()
    engine.cancel(0)
    engine.step()
    engine.close()
    assert record.read_text().splitlines() == ["submit 0", "submit 1", "step", "cancel 0", "step", "end 1", "close"]


def test_an_engine_is_found_by_name_or_by_module_and_class() -> None:
    assert find("scripted") is find("cortex.engines.scripted:Scripted")


@pytest.mark.parametrize("name", ["nonsense", "cortex.engines.scripted:Nothing", "no.such.module:Class", ""])
def test_an_engine_that_is_not_there_is_a_load_error(name: str) -> None:
    with pytest.raises(LoadError):
        find(name)
