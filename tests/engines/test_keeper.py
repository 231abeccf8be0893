"""Copies of what sequences hold save work and change no word. On grown models; flash attention rounds by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from drive import Outcome, job, llama, rest, run

from cortex.core.job import Job
from cortex.engines.llama import keeper
from cortex.engines.llama.engine import Llama

LONG = "the quick brown fox jumps over the lazy dog again and again and never comes to rest " * 8
OTHER = "a letter to a friend who lives far away and has not written for a very long time now " * 8

Start = Callable[..., Llama]


@pytest.fixture(params=["transformer", "recurrent"])
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def start() -> Iterator[Start]:
    begun: list[Llama] = []

    def start(path: Path, folder: Path | None = None, **extra: object) -> Llama:
        extra |= {"flash_attention": False, "prefixes": str(folder or "")}
        begun.append(llama(path, context=2048, parallel=2, extra=extra))
        return begun[-1]

    yield start
    for engine in begun:
        engine.close()


def say(engine: Llama, one: Job) -> Outcome:
    """What the job gives; then the engine does what it does when nobody waits."""
    [outcome] = run(engine, one)
    rest(engine)
    return outcome


def length(engine: Llama, text: str) -> int:
    return len(engine._vocabulary.continued(text))


def test_after_a_restart_a_known_beginning_is_there(start: Start, path: Path, tmp_path: Path) -> None:
    before = start(path, tmp_path)
    first = say(before, job(LONG + "one"))
    assert first.used.prompt > keeper.LEAST
    again = say(start(path, tmp_path), job(LONG + "one two"))
    cold = say(start(path), job(LONG + "one two"))
    assert (again.data, cold.used.cached) == (cold.data, 0)
    assert again.used.cached >= first.used.prompt - keeper.TAIL


def test_a_damaged_file_costs_the_work_and_nothing_else(start: Start, path: Path, tmp_path: Path) -> None:
    say(start(path, tmp_path), job(LONG))
    [file] = tmp_path.rglob("*.kv")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    again, cold = say(start(path, tmp_path), job(LONG)), say(start(path), job(LONG))
    assert (again.data, again.used.cached) == (cold.data, 0)


def test_a_copy_that_does_not_fit_into_the_model_costs_nothing(
    start: Start, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is whole, and whose cells llama.cpp does not take."""
    engine = start(path, tmp_path)
    monkeypatch.setattr(engine._decoder, "state", lambda lane, length: b"no such cells")
    say(engine, job(LONG))
    again, cold = say(start(path, tmp_path), job(LONG)), say(start(path), job(LONG))
    assert (again.data, again.used.cached) == (cold.data, 0)


def test_what_is_short_or_known_by_half_makes_no_file(start: Start, path: Path, tmp_path: Path) -> None:
    engine = start(path, tmp_path)
    say(engine, job("hello"))
    assert list(tmp_path.rglob("*.kv")) == []
    say(engine, job(LONG))
    say(engine, job(LONG + OTHER[:200]))
    assert len(list(tmp_path.rglob("*.kv"))) == 1
    say(engine, job(OTHER))
    assert len(list(tmp_path.rglob("*.kv"))) == 2


def test_a_text_that_is_only_rated_makes_no_file(start: Start, path: Path, tmp_path: Path) -> None:
    engine = start(path, tmp_path)
    rated = say(engine, replace(job(LONG, max_tokens=0), echo=True, logprobs=0))
    assert rated.used.prompt > keeper.LEAST
    assert list(tmp_path.rglob("*.kv")) == []


def test_a_grown_chat_takes_the_place_of_its_beginning(start: Start, transformer: Path, tmp_path: Path) -> None:
    engine = start(transformer, tmp_path)
    say(engine, job(LONG))
    say(engine, job(LONG + OTHER + OTHER))
    assert len(list(tmp_path.rglob("*.kv"))) == 1
    assert say(start(transformer, tmp_path), job(LONG + OTHER)).used.cached > length(engine, LONG + OTHER) - 9


def test_an_engine_that_is_closed_at_once_keeps_what_it_was_about_to(path: Path, tmp_path: Path) -> None:
    engine = llama(path, context=2048, parallel=2, extra={"prefixes": str(tmp_path)})
    run(engine, job(LONG))
    assert list(tmp_path.rglob("*.kv")) == []
    engine.close()
    assert len(list(tmp_path.rglob("*.kv"))) == 1


def test_without_a_folder_nothing_is_written(start: Start, path: Path, tmp_path: Path) -> None:
    say(start(path), job(LONG))
    assert list(tmp_path.iterdir()) == []


def test_a_recurrent_state_goes_on_where_the_next_turn_parts(start: Start, recurrent: Path) -> None:
    """The next turn writes the end of the prompt otherwise: an opened thought that was dropped."""
    engine = start(recurrent)
    first = say(engine, job(LONG + "<think>"))
    again, cold = say(engine, job(LONG + "hello")), say(start(recurrent), job(LONG + "hello"))
    assert again.data == cold.data
    assert again.used.cached == first.used.prompt - keeper.TAIL


def test_a_recurrent_state_goes_on_where_two_prompts_part(start: Start, recurrent: Path) -> None:
    """The third request with the same tools finds them."""
    engine = start(recurrent)
    chats = [LONG + OTHER[number * 10 :][:300] for number in range(3)]
    outcomes = [say(engine, job(chat)) for chat in chats]
    assert [outcome.used.cached > 0 for outcome in outcomes] == [False, False, True]
    assert outcomes[2].used.cached > length(engine, LONG) - 9
    assert outcomes[2].data == say(start(recurrent), job(chats[2])).data


def test_checkpoints_take_bounded_memory(start: Start, recurrent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = start(recurrent)
    say(engine, job(LONG))
    [point] = engine._keeper._points
    monkeypatch.setattr(keeper, "POINTS", 3 * len(point.state))
    for number in range(6):
        say(engine, job(f"{number} " + LONG))
    assert len(engine._keeper._points) == 3


def test_copies_are_fetched_while_others_run(start: Start, path: Path, tmp_path: Path) -> None:
    say(start(path, tmp_path), job(LONG))
    engine = start(path, tmp_path)
    texts = ["hello", LONG + " again", OTHER, LONG + " and again"]
    together = run(engine, *[job(text, max_tokens=30) for text in texts])
    alone = [say(start(path), job(text, max_tokens=30)).data for text in texts]
    assert [outcome.data for outcome in together] == alone
    assert together[1].used.cached > 0
