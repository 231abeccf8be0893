"""`cortex dialects replay`: what it counts, what it shows, and what its last line says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Cortex
from cortex import dialects

CALL = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
TOOLS = [
    {"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"type": "integer"}, "b": {}}}}}
]
MADE = {"name": "f", "arguments": {"a": 1}}

Write = Callable[..., str]


def row(number: int, text: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"hermes/ours/{number}",
        "family": "hermes",
        "kind": "tool_call",
        "model_output": text,
        "tools": TOOLS,
        "expected": {"content": None, "reasoning_content": None, "tool_calls": []},
        "params": {},
    } | changes


def expecting(content: str | None = None, *calls: Any, reasoning: str | None = None) -> dict[str, Any]:
    return {"content": content, "reasoning_content": reasoning, "tool_calls": list(calls)}


RIGHT = row(1, f"Hi. {CALL}", expected=expecting("Hi.", MADE))
WRONG = row(2, f"Hi. {CALL}", expected=expecting(None, MADE), note="from a test of ours")
STRANGER = row(3, "hi", family="klingon", kind="no_tool", expected=expecting("hi"))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(*rows: dict[str, Any]) -> str:
        file = tmp_path / "cases.jsonl"
        file.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
        return str(file)

    return written


@pytest.mark.parametrize("cuts", ["all", "chars", "none"])
def test_all_passed(cortex: Cortex, write: Write, cuts: str) -> None:
    done = cortex("dialects", "replay", write(RIGHT), "--cuts", cuts)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "1/1 passed"


def test_failures_are_counted_by_family_and_kind(cortex: Cortex, write: Write) -> None:
    done = cortex("dialects", "replay", write(RIGHT, WRONG, STRANGER))
    lines = [line.replace(" ", "") for line in done.out.splitlines()]
    assert done.code == 1
    assert "|hermes|hermes|1/2||1/2|50.0%|" in lines
    assert "|klingon|-||0/1|0/1|0.0%|" in lines
    assert "|no_tool|0/1|0.0%|" in lines
    assert "Families without a dialect, counted as failed: klingon (1)" in done.out
    assert done.out.splitlines()[-1] == "1/3 passed"
    assert "expected" not in done.out


def test_a_kind_that_is_new_is_counted(cortex: Cortex, write: Write) -> None:
    assert "| riddle " in cortex("dialects", "replay", write(RIGHT | {"kind": "riddle"})).out


def test_a_failure_is_shown_with_what_differs(cortex: Cortex, write: Write) -> None:
    out = cortex("dialects", "replay", write(RIGHT, WRONG, STRANGER), "--show-failures").out
    assert "hermes/ours/1 " not in out
    assert "✗ hermes/ours/2  tool_call · hermes · full · thought may · whole" in out
    assert "  content    expected null\n                  got " in out
    assert "  tools      f(a: integer, b)\n" in out
    assert "  note       from a test of ours\n" in out
    assert "✗ hermes/ours/3  no_tool: no dialect claims the family 'klingon'" in out


def test_a_long_text_is_shown_where_it_differs(cortex: Cortex, write: Write) -> None:
    text = "a" * 5000
    given = row(1, text + "b" + text, expected=expecting(text + "c" + text), tools=None)
    out = cortex("dialects", "replay", write(given), "--show-failures").out
    expected, got = (line for line in out.splitlines() if "expected" in line or "     got" in line)
    assert "aca" in expected
    assert "aba" in got
    assert max(map(len, out.splitlines())) < 1000
    assert "(10003 characters)" in out


def test_cases_are_chosen_by_family_dialect_and_id(
    cortex: Cortex, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    hermes = dialects.find("hermes")
    monkeypatch.setattr(dialects, "by_family", {"hermes": hermes, "kin": hermes}.get)
    cases = write(RIGHT, RIGHT | {"family": "kin", "id": "kin/1"}, STRANGER)
    for given, last in {
        "--family=hermes": "2/2 passed",
        "--family=kin": "1/1 passed",
        "--family=klingon": "0/1 passed",
        "--case=kin/": "1/1 passed",
    }.items():
        assert cortex("dialects", "replay", cases, given).out.splitlines()[-1] == last


def test_a_template_is_found_beside_the_cases(cortex: Cortex, write: Write, tmp_path: Path) -> None:
    given = row(1, "hm", kind="reasoning", expected=expecting(reasoning="hm"), params={"template_file": "t.jinja"})
    cases = write(given)
    assert cortex("dialects", "replay", cases).code == 1
    (tmp_path / "templates" / "from").mkdir(parents=True)
    (tmp_path / "templates" / "from" / "t.jinja").write_text("{{ messages[0].content }}<think>\n")
    assert cortex("dialects", "replay", cases).code == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{}", "line 2: not a case"), ("{", "line 2: "), ("", "no such case")],
)
def test_what_are_no_cases_is_one_line(cortex: Cortex, tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "f.jsonl").write_text(f"\n{text}\n")
    done = cortex("dialects", "replay", str(tmp_path / "f.jsonl"))
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert reason in done.err


def test_a_missing_file_is_one_line(cortex: Cortex) -> None:
    done = cortex("dialects", "replay", "nowhere.jsonl")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "nowhere.jsonl" in done.err


def test_help_says_how_texts_are_cut(cortex: Cortex) -> None:
    assert "400 characters" in " ".join(cortex("dialects", "replay", "--help").out.replace("│", " ").split())
