"""How command lines are read, and that every command explains itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.conftest import Cortex
from cli.play import PLAY
from cortex.cli import fields, reference, show
from cortex.cli.help import hoisted
from cortex.cli.main import app
from cortex.models.settings import KEYS

PAGES = list(reference.pages())
ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "cli.md"


@pytest.mark.parametrize(
    ("given", "means"),
    [
        (["ps", "--verbose"], ["--verbose", "ps"]),
        (["run", "m", "--data-folder-path", "d", "-d"], ["--data-folder-path", "d", "run", "m", "-d"]),
        (["ps", "--config_file_path=rc", "--json"], ["--config_file_path=rc", "ps", "--json"]),
        (["pull", "--", "--quiet"], ["pull", "--", "--quiet"]),
        (["ps", "--quiet", "-v"], ["--quiet", "ps", "-v"]),
    ],
)
def test_global_options_may_stand_anywhere(given: list[str], means: list[str]) -> None:
    assert hoisted(given) == means


def test_options_may_be_written_with_hyphens(cortex: Cortex, home: Path) -> None:
    for model_id, top_p in (("--model-id", "--top-p"), ("--model_id", "--top_p")):
        assert "none not found" in cortex("models", "update", model_id, "none", top_p, "1").err
    assert cortex("ps", "--data-folder-path", str(home / "other")).code == 0


@pytest.mark.parametrize(("name", "help"), PAGES, ids=[name for name, _ in PAGES])
def test_every_help_shows_an_example_of_its_command(name: str, help: str) -> None:
    assert f"Example: {name}" in help
    assert max(map(len, help.splitlines())) <= 80


def test_every_command_is_in_the_play() -> None:
    groups = {name.rpartition(" ")[0] for name, _ in PAGES}
    performed = [f"cortex {step.words} " for step in PLAY]
    missing = [
        name for name, _ in PAGES if name not in groups and not any(words.startswith(f"{name} ") for words in performed)
    ]
    assert not missing


def test_the_document_holds_the_help_of_today() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == reference.renewed(text), "run `make docs`"


def test_every_setting_of_a_model_has_an_option() -> None:
    assert fields.ABOUT.keys() == KEYS.keys()


def test_a_missing_argument_is_named(cortex: Cortex) -> None:
    done = cortex("pull")
    assert (done.code, done.err) == (2, "Error: [model_id] is required (see `cortex pull --help`)\n")


def test_a_global_option_without_its_value_is_named(cortex: Cortex) -> None:
    done = cortex("ps", "--data_folder_path")
    told = "Error: option --data_folder_path requires an argument (see `cortex --help`)\n"
    assert (done.code, done.err) == (2, told)


def test_quiet_leaves_results_and_errors(cortex: Cortex, home: Path) -> None:
    assert cortex("models", "list", "--quiet").out == "No local models available!\n"
    assert "no server runs" in cortex("stop", "-q").err


@pytest.mark.parametrize(("word", "offered"), [("mod", "models"), ("docto", "doctor")])
def test_the_shell_completes_commands(word: str, offered: str) -> None:
    asked = {"_CORTEX_COMPLETE": "complete_bash", "COMP_WORDS": f"cortex {word}", "COMP_CWORD": "1"}
    command = [str(Path(sys.executable).with_name("cortex"))]
    done = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [offered]


def test_a_table_wraps_its_widest_column_on_a_narrow_terminal() -> None:
    drawn = show.table(("#", "Name"), [("1", "one two three four"), ("2", "x")], width=20)
    assert drawn.splitlines() == [
        "+---+--------------+",
        "| # | Name         |",
        "+---+--------------+",
        "| 1 | one two      |",
        "|   | three four   |",
        "+---+--------------+",
        "| 2 | x            |",
        "+---+--------------+",
    ]


def test_a_row_is_a_list_where_a_table_cannot_be_narrow_enough() -> None:
    columns = ("Model", "Engine", "RAM", "Up time")
    drawn = show.table(
        columns, [("smollm2:135m", "llama-cpp", "1.00 GB", "1 hour, 5 minutes, 45 seconds")] * 2, width=40
    )
    first, second = drawn.split("\n\n")
    assert first == second
    assert first.splitlines() == [
        "Model:   smollm2:135m",
        "Engine:  llama-cpp",
        "RAM:     1.00 GB",
        "Up time: 1 hour, 5 minutes, 45 seconds",
    ]


def _command(words: list[str]) -> tuple[str, Any]:
    """The command that these words begin with, and its name."""
    found, name = get_command(app), "cortex"
    for word in words:
        if word not in getattr(found, "commands", {}):
            break
        found, name = found.commands[word], f"{name} {word}"
    return name, found


def _written() -> list[str]:
    """The command lines of all documents: in backticks, and in blocks of code."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
    lines = [
        line
        for text in texts
        for line in re.findall(r"`cortex ([^`\n]+)`|^(?:\S+/)?cortex ([^#`\n]+)(?:#.*)?$", text, re.M)
    ]
    return sorted({(inline or block).strip() for inline, block in lines})


@pytest.mark.parametrize("line", _written())
def test_every_command_line_in_the_documents_can_be_typed(line: str) -> None:
    words = line.replace("...", "").split()
    name, command = _command([word for word in words if not word.startswith("-")])
    known = {
        option.replace("-", "_") for each in (command, get_command(app)) for one in each.params for option in one.opts
    }
    options = {word.partition("=")[0].replace("-", "_") for word in words if word.startswith("--") and word != "--NAME"}
    assert options <= known | {"__help"}, f"{name} has no {options - known}"
    assert not hasattr(command, "commands") or name != "cortex" or words[0].startswith("-"), f"there is no {line}"
