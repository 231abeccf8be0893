"""However a pull ends (killed, stopped, on a full disk, beside another), nothing is half there and nothing is lost."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from cortex.models.catalogue import Catalogue
from cortex.models.pull import pull
from cortex.models.sources import Cancelled, NoSpace, download, journal, line
from cortex.models.store import Store
from models import tiny
from models.heard import Heard
from models.hub import Hub

NOTHING = Catalogue({})
NAME = "author:Repo:f.gguf"
# A megabyte and a half, of which no two parts are alike; what stands behind a GGUF's tensors is nobody's business.
DATA = tiny.gguf() + b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(50_000))
SHA256 = hashlib.sha256(DATA).hexdigest()
PULL = """
import sys
from pathlib import Path
from cortex.models import sources
from cortex.models.pull import Silent, pull
from cortex.models.sources import download, journal
from cortex.models.store import Store
journal.PART, download.TICK, download.NOTE = 200_000, 0.02, 0.02
class Watch(Silent):
    def say(self, line):
        print(line, flush=True)
model = pull(Store(Path(sys.argv[1])), sys.argv[2], Watch())
print(model.sha256)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PAUSE", 0.01)
    monkeypatch.setattr(download, "TICK", 0.02)
    monkeypatch.setattr(download, "NOTE", 0.02)
    monkeypatch.setattr(journal, "PART", 200_000)


@pytest.fixture
def slow(hub: Hub) -> Hub:
    """A hub that needs about two seconds for the model."""
    hub.repos["author/Repo"] = {"main": {"f.gguf": DATA}}
    hub.slow = 0.25
    return hub


def _start(store: Store, hub: Hub) -> subprocess.Popen[str]:
    environment = os.environ | {"HF_ENDPOINT": hub.url}
    return subprocess.Popen(
        [sys.executable, "-c", PULL, str(store.folder), NAME],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for(condition: object, seconds: float = 30) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def _whole(folder: Path) -> list[Path]:
    """Files that look like whole models."""
    return [path for path in folder.rglob("*.gguf") if path.is_file()]


def _left(store: Store) -> int:
    """The bytes that the journal of a broken pull counts."""
    found = list(store.staging(NAME).rglob("f.gguf.json"))
    noted = journal.read(found[0], found[0].with_name("f.gguf.part")) if found else None
    return noted.done if noted else 0


def _resumed(store: Store, hub: Hub, left: int) -> None:
    """The next pull takes what is there, and asks for the rest only."""
    assert 0 < left < len(DATA)
    assert not store.list()
    assert not _whole(store.folder)
    hub.slow = 0.0
    _wait_for(lambda: all(thread.name != "download" for thread in threading.enumerate()))  # the last of the first pull
    hub.asked.clear()
    model = pull(store, NAME, Heard(), catalogue=NOTHING)
    assert model.path.read_bytes() == DATA
    ends = [asked.range.removeprefix("bytes=").split("-") for asked in hub.asked if asked.path.startswith("/lfs/")]
    assert sum(int(end) + 1 - int(start) for start, end in ends if start) <= len(DATA) - left + 1
    assert not (store.folder / "models" / ".partial").exists()


def test_a_killed_pull_is_gone_on_with(store: Store, slow: Hub) -> None:
    process = _start(store, slow)
    _wait_for(lambda: _left(store) > 300_000)
    process.kill()
    process.communicate()
    _resumed(store, slow, _left(store))


def test_an_interrupted_pull_is_gone_on_with(store: Store, slow: Hub) -> None:
    process = _start(store, slow)
    _wait_for(lambda: _left(store) > 300_000)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=10)[1]
    _resumed(store, slow, _left(store))


def test_a_pull_that_is_cancelled_ends_soon_and_is_gone_on_with(store: Store, slow: Hub) -> None:
    cancel = Event()

    class Impatient(Heard):
        def bytes(self, phase: str, done: int, total: int) -> None:
            if done > 300_000:
                cancel.set()

    with pytest.raises(Cancelled, match="pull again"):
        pull(store, NAME, Impatient(), catalogue=NOTHING, cancel=cancel)
    _resumed(store, slow, _left(store))


@pytest.fixture
def first(store: Store, slow: Hub) -> Iterator[subprocess.Popen[str]]:
    """A pull that has got something, and gets nearly nothing more until the hub is told to be quick."""
    process = _start(store, slow)
    _wait_for(lambda: _left(store) > 200_000)
    slow.slow = 2.0
    yield process
    process.kill()
    process.communicate()


def _waiting(store: Store, hub: Hub) -> subprocess.Popen[str]:
    """A second pull of the same model, which has noticed that there is a first one."""
    process = _start(store, hub)
    assert process.stdout is not None
    assert process.stdout.readline() == f"Another pull of {NAME} runs; waiting ..\n"
    return process


def test_two_pulls_of_one_model_fetch_it_once(store: Store, slow: Hub, first: subprocess.Popen[str]) -> None:
    second = _waiting(store, slow)
    slow.slow = 0.0
    assert first.communicate(timeout=60)[0] == f"Start downloading..\n{SHA256}\n"
    assert second.communicate(timeout=60)[0] == f"{SHA256}\n"
    assert sum(asked.path.startswith("/lfs/") and asked.range == "bytes=0-0" for asked in slow.asked) == 1


def test_who_waits_for_a_pull_that_is_killed_goes_on_with_it(
    store: Store, slow: Hub, first: subprocess.Popen[str]
) -> None:
    second = _waiting(store, slow)
    first.kill()
    slow.slow = 0.0
    assert second.communicate(timeout=60)[0] == f"Start downloading..\n{SHA256}\n"
    assert store.get(NAME).path.read_bytes() == DATA


def test_a_waiting_pull_can_be_cancelled(store: Store, slow: Hub, first: subprocess.Popen[str]) -> None:
    cancel = Event()

    class Impatient(Heard):
        def say(self, line: str) -> None:
            assert "waiting" in line
            cancel.set()

    with pytest.raises(Cancelled):
        pull(store, NAME, Impatient(), catalogue=NOTHING, cancel=cancel)
    slow.slow = 0.0
    assert SHA256 in first.communicate(timeout=60)[0]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, where we may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may make a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(small_disk: Path, slow: Hub) -> None:
    with pytest.raises(NoSpace, match=r"1\.60 MB more are needed and 1\.0\d MB are free"):
        pull(Store(small_disk), NAME, Heard(), catalogue=NOTHING)
    assert [asked.range for asked in slow.asked if asked.path.startswith("/lfs/")] == ["bytes=0-0"]
    assert not _whole(small_disk)


def test_a_disk_that_becomes_full_keeps_what_came(small_disk: Path, slow: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others fill the disk while the model comes: what was asked beforehand no longer holds."""
    slow.slow = 0.0
    monkeypatch.setattr(download, "need_space", lambda folder, count: None)
    with pytest.raises(NoSpace, match=r"it is full \(0\.\d+ MB are free\) before all of 1\.60 MB were written"):
        pull(Store(small_disk), NAME, Heard(), catalogue=NOTHING)
    assert not _whole(small_disk)
    left = _left(Store(small_disk))
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    _resumed(Store(small_disk), slow, left)


@pytest.mark.parametrize("moment", ["link", "add"])
def test_a_death_after_the_download_costs_no_second_one(
    store: Store, slow: Hub, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The process ends when the file is about to get its name, and when the store is about to know it."""
    slow.slow = 0.0
    place = "os.link" if moment == "link" else "cortex.models.store.Store.add"
    with monkeypatch.context() as patched:
        patched.setattr(place, _dies)
        with pytest.raises(KeyboardInterrupt):
            pull(store, NAME, Heard(), catalogue=NOTHING)
    assert not store.list()
    sent = slow.sent
    assert pull(store, NAME, Heard(), catalogue=NOTHING).path.read_bytes() == DATA
    assert slow.sent == sent


def _dies(*_: object) -> None:
    raise KeyboardInterrupt
