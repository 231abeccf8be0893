"""docs/clients.md says what the tests try: the same lines, the same versions, no script left out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from test_clients import SCRIPTS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = (ROOT / "docs" / "clients.md").read_text("utf-8")
SHOWN: dict[str, str] = dict(
    re.findall(r"\(\.\./tests/clients/([\w.]+)\)\n\n```(?:python|js)\n(.*?)```\n", PAGE, re.S),
)


def marked(script: str) -> str:
    """The lines of a script that are for the page."""
    found = re.search(r"^(?:#|//) docs\n(.*?)^(?:#|//) end$", (HERE / script).read_text("utf-8"), re.S | re.M)
    assert found is not None
    return found[1]


def test_the_page_names_the_older_openai_that_two_of_them_are_tried_with() -> None:
    old = (ROOT / "requirements/clients-openai2.txt").read_text("utf-8")
    (version,) = re.findall(r"^openai==([\d.]+)", old, re.M)
    assert f"tried with {version}" in PAGE


def pinned() -> dict[str, str]:
    texts = [(ROOT / f"requirements/clients-{name}.txt").read_text("utf-8") for name in ("openai2", "openai3")]
    python = {name: version for text in texts for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.M)}
    packages = json.loads((HERE / "package-lock.json").read_text("utf-8"))["packages"]
    node = {path.removeprefix("node_modules/"): row["version"] for path, row in packages.items() if path}
    return {f"{name} (Node)": version for name, version in node.items()} | node | python


def test_the_page_shows_every_script_that_is_tried() -> None:
    assert set(SHOWN) == set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_page_shows_the_lines_that_are_run(script: str) -> None:
    assert SHOWN[script] == marked(script)


def test_the_page_names_the_versions_that_are_tried() -> None:
    rows = re.findall(r"^\| (`.*?`[^|]*) \| ([\d.]+(?: with [\d.]+)?) \|", PAGE, re.M)
    pins = pinned()
    told: dict[str, str] = {}
    for client, versions in rows:
        names = re.findall(r"`([\w@/-]+)`", client)
        node = " (Node)" if "(Node)" in client else ""
        told |= {name + node: version for name, version in zip(names, versions.split(" with "), strict=False)}
    assert len(told) == 12
    assert told == {name: pins[name] for name in told}


def test_no_lock_names_a_registry() -> None:
    packages = json.loads((HERE / "package-lock.json").read_text("utf-8"))["packages"]
    del packages[""]
    assert packages
    assert not [path for path, row in packages.items() if "resolved" in row or "integrity" not in row]
