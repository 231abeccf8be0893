"""One file over HTTP, against a loopback server with the faults of networks: resumed, in parts, whole or not at all."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cortex.models.sources import Cancelled, Denied, Missing, NoSpace, Unreachable, download, journal, line
from cortex.models.sources.url import Url
from models.hub import Hub, serving

DATA = random.Random(1).randbytes(1_300_000)


def _nothing(done: int, total: int) -> None:
    pass


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PAUSE", 0.01)
    monkeypatch.setattr(download, "TICK", 0.01)
    monkeypatch.setattr(download, "NOTE", 0.01)
    monkeypatch.setattr(journal, "PART", 300_000)  # so that five requests bring the whole


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub(files={"/f.gguf": DATA, "/empty.gguf": b""})) as hub:
        yield hub


def _fetch(hub: Hub, folder: Path, progress: Callable[[int, int], None] = _nothing, *, size: int = 0) -> bytes:
    (got,) = Url(f"{hub.url}/f.gguf").fetch(folder, progress, size=size)
    assert [path.name for path in folder.iterdir()] == ["f.gguf"]
    return got.path.read_bytes()


def test_a_file_comes_in_parts(hub: Hub, tmp_path: Path) -> None:
    assert _fetch(hub, tmp_path) == DATA
    first, *parts = hub.ranges_of("/f.gguf")
    assert first == "bytes=0-0"
    ends = [*range(300_000, len(DATA), 300_000), len(DATA)]
    assert sorted(parts) == sorted(f"bytes={end - (end % 300_000 or 300_000)}-{end - 1}" for end in ends)


def test_a_broken_connection_is_continued_at_the_byte(hub: Hub, tmp_path: Path) -> None:
    hub.cut = [100_000, 20_000]
    assert _fetch(hub, tmp_path) == DATA
    assert hub.sent == len(DATA) + 1  # no byte but the first look's came twice


def test_what_an_earlier_process_left_is_continued(hub: Hub, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done > 400_000:
            raise Cancelled("enough")

    hub.slow = 0.01
    with pytest.raises(Cancelled):
        _fetch(hub, tmp_path, stop)
    assert not (tmp_path / "f.gguf").exists()
    hub.slow = 0.0
    _settled()
    hub.asked.clear()
    assert _fetch(hub, tmp_path) == DATA
    assert _bytes(hub.ranges_of("/f.gguf")) <= len(DATA) - 400_000 + 1


def test_another_file_under_the_same_address_is_not_joined_to_the_old_one(hub: Hub, tmp_path: Path) -> None:
    hub.cut = [1000] * 100
    with pytest.raises(Unreachable):
        _fetch(hub, tmp_path, _stopping(400_000))
    hub.cut, hub.files["/f.gguf"] = [], DATA[::-1]
    assert _fetch(hub, tmp_path) == DATA[::-1]


def _settled() -> None:
    """Wait for what a broken fetch has still asked for."""
    while any(thread.name == "download" for thread in threading.enumerate()):
        time.sleep(0.01)


def _bytes(ranges: list[str]) -> int:
    """How many bytes these ranges ask for."""
    ends = (range.removeprefix("bytes=").split("-") for range in ranges)
    return sum(int(end) + 1 - int(start) for start, end in ends)


def _stopping(after: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done > after:
            raise Unreachable("enough")

    return progress


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "f.gguf.json").write_text("{"),
        lambda folder: (folder / "f.gguf.json").write_text('{"total": 5, "version": "", "spans": [[0, 9, 5]]}'),
        lambda folder: (folder / "f.gguf.json").unlink(),
        lambda folder: (folder / "f.gguf.part").unlink(),
        lambda folder: os.truncate(folder / "f.gguf.part", 10),
    ],
    ids=["journal broken", "journal impossible", "journal lost", "bytes lost", "bytes cut"],
)
def test_whatever_is_left_the_file_is_right(hub: Hub, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    hub.slow = 0.005
    with pytest.raises(Unreachable, match="enough"):
        _fetch(hub, tmp_path, _stopping(400_000))
    damage(tmp_path)
    hub.slow = 0.0
    assert _fetch(hub, tmp_path) == DATA


def test_a_server_without_ranges_gives_the_whole(hub: Hub, tmp_path: Path) -> None:
    hub.ranges, hub.cut = False, [len(DATA), 700_000]
    assert _fetch(hub, tmp_path) == DATA


def test_a_server_that_bears_few_connections_gets_few(hub: Hub, tmp_path: Path) -> None:
    hub.most, hub.slow = 1, 0.002
    assert _fetch(hub, tmp_path) == DATA


def test_a_busy_server_is_asked_again(hub: Hub, tmp_path: Path) -> None:
    hub.busy = [503, 0, 429, 500, 0]
    assert _fetch(hub, tmp_path) == DATA


def test_progress_grows_to_the_whole_and_is_told_by_one_thread(hub: Hub, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    _fetch(hub, tmp_path, lambda done, total: told.append((done, total)))
    assert told[-1] == (len(DATA), len(DATA))
    assert told == sorted(told)


@pytest.mark.parametrize(("status", "kind"), [(404, Missing), (403, Denied), (400, Unreachable)])
def test_a_refusal_is_told_at_once(hub: Hub, tmp_path: Path, status: int, kind: type[Unreachable]) -> None:
    hub.busy = [status] * 9
    with pytest.raises(kind, match=str(status)):
        _fetch(hub, tmp_path)
    assert len(hub.asked) == 1


def test_a_server_that_stays_broken_is_given_up_and_what_came_stays(hub: Hub, tmp_path: Path) -> None:
    hub.busy = [0, 0, 0, 0, *[503] * 200]
    with pytest.raises(Unreachable, match="503"):
        _fetch(hub, tmp_path)
    hub.busy = []
    _settled()
    hub.asked.clear()
    assert _fetch(hub, tmp_path) == DATA
    assert _bytes(hub.ranges_of("/f.gguf")) < len(DATA)


def test_a_file_of_another_size_than_the_expected_is_not_fetched(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(Missing, match="1,300,000 bytes"):
        _fetch(hub, tmp_path, size=99)
    assert hub.ranges_of("/f.gguf") == ["bytes=0-0"]


def test_an_empty_file_is_no_model(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(Missing, match="empty"):
        Url(f"{hub.url}/empty.gguf").fetch(tmp_path, _nothing)


def test_a_server_that_is_not_there_is_given_up_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="cannot be reached"):
        Url(f"http://127.0.0.1:{port}/f.gguf").fetch(tmp_path, _nothing)


def test_the_disk_is_asked_before_anything_comes(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(NoSpace, match=r"1\.30 MB more are needed and 1\.00 MB are free"):
        _fetch(hub, tmp_path)
    assert hub.ranges_of("/f.gguf") == ["bytes=0-0"]


def test_a_split_model_comes_in_all_its_parts(hub: Hub, tmp_path: Path) -> None:
    for n in (1, 2, 3):
        hub.files[f"/a b/m-0000{n}-of-00003.gguf"] = DATA[:n]
    got = Url(f"{hub.url}/a%20b/m-00001-of-00003.gguf?x=1").fetch(tmp_path, _nothing)
    assert [(each.path.name, each.path.read_bytes()) for each in got] == [
        (f"m-0000{n}-of-00003.gguf", DATA[:n]) for n in (1, 2, 3)
    ]
