"""What was measured is kept, where it says something, and is never trusted blindly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cortex.engines.llama.measured import MOST, recalled
from cortex.engines.llama.warm import Speed
from cortex.engines.llama.worth import Costs, Curve

SPEED = Speed(3, 4, Costs(0.03, 0.01, 0.002), curve=Curve(((1, 1.5), (2, 1.75)), 0.25, 0.125))
OTHER = Speed(1, 1, Costs(1.0, 1.0, 1.0))


def test_a_second_load_measures_nothing(tmp_path: Path) -> None:
    assert recalled(tmp_path / "measured", "a", lambda: SPEED) == SPEED
    assert recalled(tmp_path / "measured", "a", lambda: OTHER) == SPEED
    assert recalled(tmp_path / "measured", "b", lambda: OTHER) == OTHER


def test_what_was_measured_beside_others_is_not_kept(tmp_path: Path) -> None:
    busy = Speed(3, 4, SPEED.costs, calm=False)
    assert recalled(tmp_path, "a", lambda: busy) == busy
    assert recalled(tmp_path, "a", lambda: OTHER) == OTHER


@pytest.mark.parametrize(
    "harm",
    [
        (b"3, 4", b"0, 4"),
        (b"3, 4", b"3, 99999"),
        (b"3, 4", b"3"),
        (b"3, 4", b"3, 4, 5"),
        (b"0.002", b"-0.002"),
        (b"0.03", b"1e999"),
        (b"0.03", b"NaN"),
        (b"0.03", b"null"),
        (b"0.03, ", b""),
        (b", 0.125]", b", 0.125"),
        (b", 0.125]", b"]"),
        (b"0.125", b"-0.125"),
        (b"[[", b"\xff"),
        (b"[[3, 4], [0.03, 0.01, 0.002], [[1, 1.5], [2, 1.75]], 0.25, 0.125]", b"{}"),
        (b"[[3, 4], [0.03, 0.01, 0.002], [[1, 1.5], [2, 1.75]], 0.25, 0.125]", b"7"),
        (b"[1, 1.5]", b"[2, 1.5]"),
        (b", [2, 1.75]", b""),
        (b"[2, 1.75]", b"[2]"),
        (b"1.75", b"-1.75"),
        (b"0.25", b"Infinity"),
    ],
)
def test_a_file_that_says_nothing_sound_is_measured_anew_and_mended(tmp_path: Path, harm: tuple[bytes, bytes]) -> None:
    recalled(tmp_path, "a", lambda: SPEED)
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    assert harm[0] in whole
    file.write_bytes(whole.replace(*harm, 1))
    assert recalled(tmp_path, "a", lambda: OTHER) == OTHER
    assert recalled(tmp_path, "a", lambda: SPEED) == OTHER


def test_those_used_longest_ago_go(tmp_path: Path) -> None:
    for number in range(MOST):
        recalled(tmp_path, f"{number}", lambda: SPEED)
        os.utime(tmp_path / f"{number}.json", (number, number))
    recalled(tmp_path, "0", lambda: OTHER)
    recalled(tmp_path, "new", lambda: SPEED)
    assert len(list(tmp_path.iterdir())) == MOST
    assert not (tmp_path / "1.json").exists()


def test_a_folder_that_cannot_be_made_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert recalled(tmp_path / "file", "a", lambda: SPEED) == SPEED
