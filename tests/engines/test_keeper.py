"""Copies of what sequences hold save work and change no word. On grown models; flash attention rounds by batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from drive import finish, job, llama, rest, run, say
from hypothesis import given
from hypothesis import strategies as st

from cortex.engines.llama import keeper
from cortex.engines.llama.engine import Llama
from cortex.engines.llama.flow import Flow
from cortex.engines.llama.keeper import WORTH, Keeper
from cortex.engines.llama.shelf import Data
from cortex.engines.llama.slots import Slots

LONG = "the quick brown fox jumps over the lazy dog again and again and never comes to rest " * 8
OTHER = "a letter to a friend who lives far away and has not written for a very long time now " * 8

Start = Callable[..., Llama]


@pytest.fixture(params=["transformer", "recurrent"])
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def start(begin: Start) -> Start:
    def start(path: Path, folder: Path | None = None, **extra: object) -> Llama:
        return begin(path, **extra | {"prefixes": str(folder or "")})

    return start


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


def test_checkpoints_take_bounded_memory(start: Start, recurrent: Path) -> None:
    engine = start(recurrent)
    say(engine, job(LONG))
    [point] = engine._keeper._points
    engine._keeper._most = 3 * len(point.state)
    for number in range(6):
        say(engine, job(f"{number} " + LONG))
    assert len(engine._keeper._points) == 3


def test_only_what_a_prompt_shares_stays_of_a_file(start: Start, transformer: Path, tmp_path: Path) -> None:
    say(start(transformer, tmp_path), job(LONG + OTHER))
    engine = start(transformer, tmp_path)
    free = engine._slots.free
    engine.submit(0, job(LONG + "hello"))
    assert free - engine._slots.free == pytest.approx(length(engine, LONG), abs=3)
    [again], [cold] = finish(engine, [0]), run(start(transformer), job(LONG + "hello"))
    assert again.data == cold.data
    assert again.used.cached == pytest.approx(length(engine, LONG), abs=3)


def test_jobs_that_end_together_make_one_file_of_what_they_share(start: Start, path: Path, tmp_path: Path) -> None:
    engine = start(path, tmp_path)
    run(engine, *[job(LONG + str(number)) for number in range(4)], job(LONG), job(LONG + OTHER[:200]))
    rest(engine)
    assert len(list(tmp_path.rglob("*.kv"))) == 1


def test_of_jobs_that_end_together_the_longer_is_kept_in_place_of_its_beginning(
    start: Start, transformer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = start(transformer, tmp_path)
    written: list[int] = []
    shelf = engine._keeper._shelf
    assert shelf
    write = shelf.write
    monkeypatch.setattr(shelf, "write", lambda tokens, cells: (written.append(len(tokens)), write(tokens, cells)))
    _, longer = run(engine, job(LONG, max_tokens=1), job(LONG + OTHER + OTHER))
    rest(engine)
    assert written == [longer.used.prompt]


def test_a_damaged_file_leads_to_the_next_best(start: Start, transformer: Path, tmp_path: Path) -> None:
    first = say(start(transformer, tmp_path), job(LONG + OTHER))
    [damaged] = tmp_path.rglob("*.kv")
    (tmp_path / "away").write_bytes(damaged.read_bytes()[:-1] + b"x")
    damaged.unlink()
    say(start(transformer, tmp_path), job(LONG))
    (tmp_path / "away").rename(damaged)
    again = say(start(transformer, tmp_path), job(LONG + OTHER))
    assert again.used.cached == pytest.approx(length(start(transformer), LONG), abs=3)
    assert (again.data, again.used.prompt > again.used.cached + 100) == (first.data, True)


@pytest.mark.parametrize("name", ["file", "x" * 300])
def test_a_folder_that_cannot_be_made_breaks_no_load_and_is_told_once(
    start: Start, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    (tmp_path / "file").write_text("")
    engine = start(path, tmp_path / name)
    for text in (LONG, OTHER):
        assert say(engine, job(text)).finish
    assert [record.name.rpartition(".")[2] for record in caplog.records if record.levelname == "WARNING"] == ["shelf"]


def test_a_model_whose_file_went_away_as_it_was_loaded_keeps_nothing(
    start: Start, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(*_: object) -> str:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("cortex.engines.llama.extra.fingerprint", gone)
    assert say(start(path, tmp_path), job(LONG)).finish
    assert "prefixes cannot be kept" in caplog.text


@dataclass
class Copies:
    """States of a recurrent model that take as many bytes as it has seen tokens; some cannot be copied."""

    held: dict[int, int] = field(default_factory=dict)
    restored: int = 0

    def state(self, lane: int, length: int) -> bytearray:
        return bytearray(0 if length % 7 == 0 else length)

    def restore(self, lane: int, state: Data) -> bool:
        self.restored += 1
        return True

    def trim(self, lane: int, keep: int) -> bool:
        return not keep

    def share(self, source: int, target: int, length: int) -> None:
        raise AssertionError("a recurrent state cannot be shared")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(100, 160)), max_size=20))
def test_checkpoints_never_take_more_than_they_may_and_those_used_longest_ago_go_first(
    talks: list[tuple[int, int]],
) -> None:
    copies = Copies()
    slots = Slots(copies, lanes=1, parallel=1, cells=10_000, rewinds=False)
    one = Keeper(copies, slots, None, rewinds=False, points=400)
    used: list[tuple[int, ...]] = []  # what has a checkpoint, that used last at the end
    for kind, count in talks:
        prompt = [kind] * count
        fits = [point for point in used if tuple(prompt[: len(point)]) == point and len(point) < count]
        known, before = slots.known(prompt), copies.restored
        flow = Flow(0, prompt, marks=one.fetch(prompt))
        if copies.restored > before:
            best = max(fits, key=len)
            assert len(best) >= known + WORTH
            used.append(used.pop(used.index(best)))
        slots.add(flow)
        while flow.pending:
            for chunk in slots.schedule(1000):
                slots.decoded(chunk)
                one.passed(chunk)
                end = chunk.start + len(chunk.tokens)
                if end in flow.marks and end % 7:
                    used = [*(point for point in used if point != tuple(prompt[:end])), tuple(prompt[:end])]
        slots.remove(flow)
        while sum(map(len, used)) > 400:
            del used[0]
        assert [tuple(point.tokens) for point in one._points] == used
        assert sum(len(point.state) for point in one._points) <= 400


def test_copies_are_fetched_while_others_run(start: Start, path: Path, tmp_path: Path) -> None:
    say(start(path, tmp_path), job(LONG))
    engine = start(path, tmp_path)
    texts = ["hello", LONG + " again", OTHER, LONG + " and again"]
    together = run(engine, *[job(text, max_tokens=30) for text in texts])
    alone = [say(start(path), job(text, max_tokens=30)).data for text in texts]
    assert [outcome.data for outcome in together] == alone
    assert together[1].used.cached > 0
