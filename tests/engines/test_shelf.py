"""Prefixes on disk: found by their tokens, never half there, never too many, and no trouble of the disk is ours."""

from __future__ import annotations

import itertools
import os
import random
import resource
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortex.engines.llama import shelf as module
from cortex.engines.llama.shelf import Shelf, fingerprint

MOST = 1_000_000


def shelf(folder: Path, model: str = "m", most: int = MOST, *, whole: bool = False) -> Shelf:
    return Shelf(folder, model, most, whole=whole)


def found(one: Shelf, tokens: list[int]) -> tuple[bytes | None, int]:
    if not (best := one.find(tokens)):
        return None, 0
    cells = one.read(best[0])
    return None if cells is None else bytes(cells), best[1]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_prefix_is_found_after_a_restart(tmp_path: Path) -> None:
    shelf(tmp_path).write([1, 2, 3, 4], b"cells")
    assert found(shelf(tmp_path), [1, 2, 3, 9]) == (b"cells", 3)
    assert found(shelf(tmp_path), [9, 2, 3]) == (None, 0)
    assert found(shelf(tmp_path, "another model"), [1, 2, 3, 4]) == (None, 0)


def test_the_one_that_shares_the_most_is_taken(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    one.write([1, 2, 8], b"short")
    one.write([1, 2, 3, 4], b"long")
    assert found(one, [1, 2, 3, 5]) == (b"long", 3)


def test_of_several_that_share_as_much_the_shortest_is_taken(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    one.write([1, 2, 3, 4, 5, 6], b"long")
    one.write([1, 2, 3, 7], b"short")
    assert found(one, [1, 2, 3, 9]) == (b"short", 3)


def test_where_cells_cannot_be_cut_only_a_whole_beginning_counts(tmp_path: Path) -> None:
    one = shelf(tmp_path, whole=True)
    one.write([1, 2, 3, 4], b"long")
    assert found(one, [1, 2, 3, 5]) == (None, 0)
    one.write([1, 2], b"short")
    assert found(one, [1, 2, 5]) == (b"short", 2)
    assert found(shelf(tmp_path, whole=True), [1, 2, 3, 4, 5]) == (b"long", 4)


def test_where_cells_cannot_be_cut_a_longer_prefix_does_not_take_the_place_of_its_beginning(tmp_path: Path) -> None:
    one = shelf(tmp_path, whole=True)
    one.write([1, 2], b"short")
    one.write([1, 2, 3], b"long")
    assert (found(one, [1, 2, 9]), found(one, [1, 2, 3])) == ((b"short", 2), (b"long", 3))


def test_a_longer_prefix_takes_the_place_of_its_beginning(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    one.write([1, 2], b"short")
    one.write([1, 2, 3], b"long")
    assert len(files(tmp_path)) == 1
    assert found(one, [1, 2]) == (b"long", 2)


@pytest.mark.parametrize("tokens", [[1, 2, 3], [1, 2]])
def test_what_another_one_begins_with_is_not_written(tmp_path: Path, tokens: list[int]) -> None:
    one = shelf(tmp_path)
    one.write([1, 2, 3], b"first")
    one.write(tokens, b"again")
    assert len(files(tmp_path)) == 1
    assert found(one, [1, 2, 3]) == (b"first", 3)


@pytest.mark.parametrize("harm", ["cut", "flip", "head", "empty", "gone", "count"])
def test_a_damaged_file_is_removed_and_counts_as_never_written(tmp_path: Path, harm: str) -> None:
    before, after = shelf(tmp_path), None
    before.write([1, 2, 3], b"cells" * 100)
    [path] = files(tmp_path)
    data = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        spoilt = {
            "cut": data[:-1],
            "flip": data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
            "head": b"x" + data[1:],
            "empty": b"",
            "count": data[:8] + b"\xff\xff\xff\x7f" + data[12:],
        }
        path.write_bytes(spoilt[harm])
    after = shelf(tmp_path)
    for one in (before, after):
        assert found(one, [1, 2, 3])[0] is None
        assert found(one, [1, 2, 3]) == (None, 0)
    assert files(tmp_path) == []


def test_what_was_used_longest_ago_of_all_models_makes_room(tmp_path: Path) -> None:
    one, other = shelf(tmp_path, "one", 350), shelf(tmp_path, "other", 350)
    other.write([1], b"x" * 100)
    one.write([2], b"x" * 100)
    for age, path in enumerate(sorted(files(tmp_path), key=lambda path: "one" in str(path))):
        os.utime(path, (age, age))
    assert found(other, [1])[1] == 1, "used just now"
    one.write([3], b"x" * 100)
    assert (found(other, [1])[1], found(one, [2])[1], found(one, [3])[1]) == (1, 0, 1)


def test_one_that_is_too_large_is_not_written_and_removes_nothing(tmp_path: Path) -> None:
    one = shelf(tmp_path, most=200)
    one.write([1], b"x" * 100)
    one.write([2], b"x" * 300)
    assert (found(one, [1])[1], found(one, [2])[1]) == (1, 0)


def test_a_disk_that_is_nearly_full_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 99, module.SPARE))  # type: ignore[attr-defined]
    one = shelf(tmp_path)
    one.write([1, 2], b"cells")
    assert (files(tmp_path), found(one, [1, 2])) == ([], (None, 0))


def test_a_disk_that_fills_up_fails_nothing_and_leaves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The kernel lets no file grow further: a write that fails in its middle."""
    one, (soft, hard) = shelf(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        one.write([1, 2], b"x" * 20_000)
        one.write([3], b"x" * 20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (files(tmp_path), found(one, [1, 2])) == ([], (None, 0))
    assert len(caplog.records) == 1, "it is said once"
    one.write([1, 2], b"cells")
    assert found(one, [1, 2]) == (b"cells", 2)


@pytest.mark.parametrize("name", ["file", "x" * 300])
def test_a_folder_that_cannot_be_made_keeps_nothing_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    (tmp_path / "file").write_text("")
    one = shelf(tmp_path / name)
    for token in range(3):
        one.write([token, 2], b"cells")
        assert found(one, [token, 2]) == (None, 0)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert name in caplog.text


def test_what_another_server_removed_is_not_found_and_is_written_again(tmp_path: Path) -> None:
    one, other = shelf(tmp_path), shelf(tmp_path)
    one.write([1, 2, 3], b"cells")
    one.write([1, 2, 9], b"more")
    files(tmp_path)[0].unlink()
    files(tmp_path)[0].unlink()
    other.write([1, 2, 3], b"again")
    assert found(one, [1, 2, 9]) == (b"again", 2)
    one.write([1, 2, 9], b"more")
    assert len(files(tmp_path)) == 2


def test_two_servers_that_write_read_and_make_room_at_once_find_what_is_whole_or_nothing(tmp_path: Path) -> None:
    def work(name: str) -> list[str]:
        one, wrong = shelf(tmp_path, most=30_000), []
        draw = random.Random(name)
        for _ in range(150):
            token = draw.randint(0, 9)
            one.write([token, 1], bytes([token]) * draw.randint(1000, 9000))
            cells, _ = found(one, [token, 1, 2])
            if cells is not None and set(cells) != {token}:
                wrong.append(f"{name} read {set(cells)} for {token}")
        return wrong

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(work, "abcd")] == [[]] * 4
    assert not [path for path in files(tmp_path) if path.name.startswith(module.NEW)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(1, 400)), max_size=30))
def test_files_never_take_more_than_they_may_and_those_used_longest_ago_go_first(
    tmp_path: Path, work: list[tuple[bool, int, int]]
) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    one, clock = shelf(folder, most=1000), itertools.count(1)
    used: dict[int, tuple[int, int]] = {}  # token -> when it was used last, its size
    for write, token, size in work:
        if write and token not in used:
            one.write([token], b"x" * size)
            used[token] = next(clock), size + module.HEAD.size + 4
            while sum(taken for _, taken in used.values()) > 1000:
                del used[min(used, key=lambda token: used[token][0])]
        elif found(one, [token])[1]:
            used[token] = next(clock), used[token][1]
        for token, (time, _) in used.items():
            kept = one.find([token])
            assert kept
            os.utime(kept[0].path, (time, time))
        assert {token for token in range(6) if one.find([token])} == used.keys()
        assert sum(path.stat().st_size for path in files(folder)) == sum(taken for _, taken in used.values()) <= 1000


def test_what_a_killed_process_left_half_written_is_removed_when_it_is_old(tmp_path: Path) -> None:
    shelf(tmp_path).write([1], b"cells")
    folder = files(tmp_path)[0].parent
    (folder / "new-old").write_bytes(b"half")
    (folder / "new-now").write_bytes(b"another process writes it")
    os.utime(folder / "new-old", (1, 1))
    assert found(shelf(tmp_path), [1])[1] == 1
    assert [path.name for path in files(tmp_path) if path.name.startswith("new-")] == ["new-now"]


def test_two_models_that_differ_in_a_byte_have_two_names_and_so_have_two_ways_to_compute(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(bytes(50_000))
    other.write_bytes(bytes(49_999) + b"x")
    assert fingerprint(one, "f16") == fingerprint(one, "f16")
    assert len({fingerprint(one, "f16"), fingerprint(one, "q8_0"), fingerprint(other, "f16")}) == 3
