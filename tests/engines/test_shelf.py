"""Prefixes on disk: found by their tokens, never half there, never too many, and no trouble of the disk is ours."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from cortex.engines.llama import shelf as module
from cortex.engines.llama.shelf import Shelf, fingerprint

MOST = 1_000_000


def shelf(folder: Path, model: str = "m", most: int = MOST) -> Shelf:
    return Shelf(folder, model, most)


def found(one: Shelf, tokens: list[int], **how: bool) -> tuple[bytes | None, int]:
    best = one.find(tokens, **how)
    return (one.read(best[0]), best[1]) if best else (None, 0)


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


def test_where_cells_cannot_be_cut_only_a_whole_beginning_counts(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    one.write([1, 2, 3, 4], b"long")
    assert found(one, [1, 2, 3, 5], whole=True) == (None, 0)
    one.write([1, 9], b"short")
    assert found(one, [1, 9, 5], whole=True) == (b"short", 2)


def test_a_longer_prefix_takes_the_place_of_its_beginning(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    one.write([1, 2], b"short")
    one.write([1, 2, 3], b"long")
    one.write([1, 2, 3], b"again")
    assert len(files(tmp_path)) == 1
    assert found(one, [1, 2]) == (b"again", 2)


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


def test_a_disk_that_fails_fails_nothing_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    one = shelf(tmp_path)
    one.write([1, 2], b"cells")
    assert (files(tmp_path), found(one, [1, 2])) == ([], (None, 0))


def test_a_folder_that_cannot_be_made_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one = shelf(tmp_path / "file")
    one.write([1, 2], b"cells")
    assert found(one, [1, 2]) == (None, 0)


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
