"""The families' own cases (one file a dialect): replies with the calls they mean, and replies that the grammar refuses.

`templates` name chat templates of the field's test data; what is checked with them is skipped where they are missing.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from replies import NAMES, TOOLS, read
from vocabulary import Marked, accepts, cuts

from cortex.core import grammar
from cortex.core.chat import Assistant, Chat, Tool, ToolCall, ToolResult, User
from cortex.core.dialect import Dialect
from cortex.core.errors import NotFound
from cortex.core.parse import Reading
from cortex.core.profile import Profile
from cortex.core.prompt import prompt
from cortex.core.rules import Rules
from cortex.dialects import about, by_family, detect, find, names

FILES = {path.stem: tomllib.loads(path.read_text()) for path in sorted(Path(__file__).parent.glob("*.toml"))}


@dataclass(frozen=True)
class Row:
    """One case of one dialect's file."""

    dialect: Dialect
    case: dict[str, Any]

    @property
    def thought(self) -> Any:
        return self.case.get("thought", "may")


def rows(kind: str) -> list[Any]:
    return [
        pytest.param(Row(find(file["dialect"]), case), id=f"{stem}-{number}")
        for stem, file in FILES.items()
        for number, case in enumerate(file.get(kind, ()))
    ]


def test_every_dialect_has_cases() -> None:
    assert {file["dialect"] for file in FILES.values()} == set(names())


@pytest.mark.parametrize("row", rows("reads"))
def test_a_reply_is_read_as_it_is_meant(row: Row) -> None:
    case, known = row.case, None if row.case.get("tools") == "any" else NAMES
    reading = Reading(known, thought=row.thought, free=True)
    for chunks in cuts(case["text"], 2):
        reply = read(row.dialect, chunks, reading)
        assert (reply.text.strip(), reply.reasoning.strip()) == (case.get("content", ""), case.get("reasoning", ""))
        cut = case.get("cut", False)
        whole = reply.calls[:-1] if cut else reply.calls
        assert all(call.complete for call in whole), case["why"]
        want = [(call["name"], call.get("arguments", {})) for call in case.get("calls", [])]
        got = [(call.name, json.loads(call.arguments)) for call in whole]
        assert got == (want[:-1] if cut else want), (case["why"], chunks)
        if cut:
            last = reply.calls[-1]
            assert (last.name, last.arguments, last.complete) == (want[-1][0], case["arguments_text"], False)


@pytest.mark.parametrize("row", rows("refuses"))
@pytest.mark.parametrize("must", [False, True], ids=["auto", "required"])
def test_a_reply_that_is_wrong_is_refused(row: Row, must: bool) -> None:
    marked = Marked.of(row.dialect)
    rules = Rules(TOOLS, must=must, thought=row.thought)
    assert not accepts(grammar.build(row.dialect, rules, {}), row.case["text"]), row.case["why"]
    assert not accepts(grammar.build(row.dialect, rules, marked.specials), row.case["text"], marked), row.case["why"]


# The makers' templates

EVERY = {
    "text": 'é "quoted" <b>',
    "lines": "one\ntwo",
    "n": 3,
    "x": 0.5,
    "ok": True,
    "list": [1, "a"],
    "deep": {"k": "v"},
}
GIVEN = Tool("every", "All kinds", {"type": "object", "properties": {name: {} for name in EVERY}})
TEMPLATES = [
    pytest.param(find(file["dialect"]), name, id=f"{stem}-{name}")
    for stem, file in FILES.items()
    for name in file.get("templates", ())
]


@pytest.mark.parametrize(("dialect", "name"), TEMPLATES)
def test_the_makers_template_is_known_and_shows_calls_as_we_write_them(
    dialect: Dialect, name: str, shared_data: Path
) -> None:
    template = (shared_data / "templates" / name).read_text()
    assert detect(template).name == dialect.name
    for calls in ([("every", EVERY)], [("every", EVERY), ("now", {})]):
        ids = [f"call_{number}" for number in range(len(calls))]
        said = Assistant(
            "", tuple(ToolCall(id, call, json.dumps(given)) for id, (call, given) in zip(ids, calls, strict=True))
        )
        results = [ToolResult("done", id) for id in ids]
        chat = Chat((User("Do it."), said, *results, User("Thanks.")), tools=(GIVEN, *TOOLS))
        text = "".join(part.text for part in prompt(chat, Profile("m", template, dialect, {}), datetime(2026, 1, 1)))
        shown = dialect.ids.spelled([(id, name) for id, (name, _) in zip(ids, calls, strict=True)])
        whole, *each = (dialect.notation.write(one, shown, "").strip() for one in (calls, *([one] for one in calls)))
        assert whole in text or all(one in text for one in each), text  # some templates take one call at a time


def test_the_docs_have_a_row_for_every_dialect() -> None:
    page = (Path(__file__).parents[2] / "docs" / "dialects.md").read_text()
    assert re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE) == names()


@pytest.mark.parametrize("name", names())
def test_every_dialect_s_file_says_what_it_looks_like(name: str) -> None:
    assert len(about(name)) > 20


def test_a_dialect_is_found_by_the_family_names_of_test_data() -> None:
    dialect = find("hermes")
    assert by_family("hermes") is dialect
    assert all(by_family(alias) is dialect for alias in dialect.aliases)
    assert by_family("nobody's") is None


def test_a_dialect_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(NotFound, match="hermes"):
        find("nobody's")
