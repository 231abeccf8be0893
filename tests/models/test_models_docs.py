"""docs/models.md says what there is: every entry of the catalogue, and every key of model.yml."""

from __future__ import annotations

import re
from pathlib import Path

from cortex import dialects
from cortex.models.catalogue import Entry, builtin
from cortex.models.settings import KEYS
from cortex.models.sources.hub import Hub

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()


def row(entry: Entry) -> str:
    """The entry's line in the table; what belongs into the page if the test says that it is not there."""
    places = ", ".join(
        f"[{source.repo}](https://huggingface.co/{source.repo})" if isinstance(source, Hub) else "PyPI"
        for source in entry.sources
    )
    cells = (
        f"`{entry.id}`",
        ", ".join(f"`{alias}`" for alias in entry.aliases),
        entry.licence,
        f"{entry.size / 1e9:.2f} GB",
        f"{entry.memory / 1e9:.1f} GB",
        str(entry.context),
        f"`{entry.dialect}`",
        "yes" if entry.sha256 else "",
        places,
    )
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")


def test_the_page_has_a_row_for_every_entry_of_the_catalogue() -> None:
    section = PAGE.split("## The catalogue")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [row(entry) for entry in builtin().entries.values()]


def test_the_page_has_a_row_for_every_key_of_model_yml() -> None:
    section = PAGE.split("## model.yml")[1].split("\n## ")[0]
    keys = [key for line in re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE) for key in re.findall("`(.+?)`", line)]
    assert sorted(keys) == sorted(KEYS)


def test_the_catalogue_is_complete() -> None:
    names: list[str] = []
    for entry in builtin().entries.values():
        assert entry.sources
        assert entry.about
        assert entry.licence
        assert 0 < entry.size < entry.memory
        assert entry.context >= 4096
        assert dialects.find(entry.dialect).name == entry.dialect
        assert entry.sha256 is None or re.fullmatch("[0-9a-f]{64}", entry.sha256)
        names += [entry.id, *entry.aliases]
    assert len(names) == len(set(names))


def test_the_guide_s_models_are_in_the_catalogue() -> None:
    for name in ("llama3.1:8b-gguf-q4-km", "mistral-nemo:12b-gguf-q4-km"):
        assert builtin().find(name)
