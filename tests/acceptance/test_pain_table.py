"""The table of pain points is whole, and names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
ROWS = re.findall(r"^\| (\d+) \| (.*) \|$", (TESTS.parent / "docs/pain-points.md").read_text("utf-8"), re.M)
NAMED = {int(number): set(re.findall(r"`(test_\w+)`", cells)) for number, cells in ROWS}


def defined(files: str) -> set[str]:
    text = "\n".join(path.read_text("utf-8") for path in TESTS.glob(files))
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.M))


def test_every_pain_point_has_a_row_that_names_a_test() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, 31))
    assert all(NAMED.values())


def test_every_test_that_the_table_names_exists() -> None:
    assert not set().union(*NAMED.values()) - defined("**/test_*.py")


def test_every_acceptance_test_is_in_the_table() -> None:
    assert not defined("acceptance/*.py") - defined("acceptance/test_pain_table.py") - set().union(*NAMED.values())
