"""`cortex dialects`: what it shows of a dialect, and what it makes of files, requests and replies."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Cortex
from cortex.dialects import names
from models import tiny

CALL = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}
TEMPLATE = (
    "{% for tool in tools or [] %}<tools>{{ tool | tojson }}</tools> calls: <tool_call>\n"
    "{\"name\": <name>, \"arguments\": <arguments>}\n</tool_call>{% endfor %}"
    "{% for message in messages %}[{{ message.role }}]{{ message.content }}{% endfor %}[assistant]"
)  # fmt: skip


def type_in(monkeypatch: pytest.MonkeyPatch, text: str | bytes) -> None:
    raw = text if isinstance(text, bytes) else text.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))


@pytest.fixture
def template(tmp_path: Path) -> Path:
    file = tmp_path / "chat.jinja"
    file.write_text(TEMPLATE, encoding="utf-8")
    return file


# list, show


def test_list_names_every_dialect(cortex: Cortex) -> None:
    done = cortex("dialects", "list")
    assert done.code == 0
    assert all(f"| {name} " in done.out for name in names())
    assert '<tool_call>↵{"name": "f"' in done.out


def test_list_as_json(cortex: Cortex) -> None:
    rows = json.loads(cortex("dialects", "list", "--json").out)
    assert [row["name"] for row in rows] == names()
    assert {"families", "call", "supports"} <= rows[0].keys()


def test_show_draws_the_format(cortex: Cortex) -> None:
    out = cortex("dialects", "show", "hermes").out
    assert "Source:" in out
    assert '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}' in out
    assert "<think>…</think>" in out
    assert "Grammar" not in out
    assert "The functions returned:" in cortex("dialects", "show", "fallback").out


def test_show_knows_a_dialect_by_its_families(cortex: Cortex) -> None:
    assert cortex("dialects", "show", "hermes/qwen2.5").out == cortex("dialects", "show", "hermes").out


def test_show_adds_the_grammar(cortex: Cortex) -> None:
    assert "start:" in cortex("dialects", "show", "hermes", "--grammar").out


@pytest.mark.parametrize("command", ["show", "parse --dialect"])
def test_an_unknown_dialect_is_one_line_that_names_the_known(cortex: Cortex, command: str) -> None:
    done = cortex("dialects", *command.split(), "hermit")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert "hermes" in done.err


# detect


def test_detect_says_why(cortex: Cortex, template: Path) -> None:
    done = cortex("dialects", "detect", str(template))
    assert done.code == 0
    assert done.out.splitlines()[0] == "hermes"
    assert "'<tool_call>'" in done.out


@pytest.mark.parametrize(
    ("template", "reason"),
    [("{{ messages }}", "never mentions tools"), ("{{ messages }}{{ tools }}", "spellings of no dialect")],
)
def test_detect_falls_back_and_says_why(cortex: Cortex, tmp_path: Path, template: str, reason: str) -> None:
    (tmp_path / "t.jinja").write_text(template)
    done = cortex("dialects", "detect", str(tmp_path / "t.jinja"))
    assert done.out.splitlines()[0] == "fallback"
    assert reason in done.out


def test_detect_reads_a_gguf(cortex: Cortex, tmp_path: Path) -> None:
    file = tiny.write(tmp_path / "t.gguf", **{"tokenizer.chat_template": TEMPLATE})
    assert cortex("dialects", "detect", str(file)).out.startswith("hermes\n")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"plain words", "nothing of Jinja"),
        (b"\xff\xfe\x00", "not text"),
        (b"GGUF\x09", "GGUF"),
        (None, "No such file"),
    ],
)
def test_detect_refuses_what_is_neither(cortex: Cortex, tmp_path: Path, data: bytes | None, reason: str) -> None:
    file = tmp_path / "f"
    if data is not None:
        file.write_bytes(data)
    done = cortex("dialects", "detect", str(file))
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert reason in done.err


# render


def test_render_prints_the_exact_prompt(cortex: Cortex, tmp_path: Path, template: Path) -> None:
    (tmp_path / "chat.json").write_text(json.dumps(CHAT))
    done = cortex("dialects", "render", str(tmp_path / "chat.json"), "--template", str(template))
    assert (done.code, done.out) == (0, "[user]hi[assistant]")


def test_render_reads_stdin_and_shows_tools(
    cortex: Cortex, monkeypatch: pytest.MonkeyPatch, template: Path, tmp_path: Path
) -> None:
    type_in(monkeypatch, json.dumps(CHAT | {"tools": [TOOL]}))
    assert '<tools>{"type": "function"' in cortex("dialects", "render", "--template", str(template)).out
    file = tiny.write(tmp_path / "t.gguf", **{"tokenizer.chat_template": TEMPLATE})
    type_in(monkeypatch, json.dumps(CHAT | {"tools": [TOOL]}))
    assert '<tools>{"type": "function"' in cortex("dialects", "render", "--gguf", str(file)).out


def test_render_takes_a_named_dialect(cortex: Cortex, monkeypatch: pytest.MonkeyPatch, template: Path) -> None:
    type_in(monkeypatch, json.dumps(CHAT | {"tools": [TOOL]}))
    out = cortex("dialects", "render", "--template", str(template), "--dialect", "fallback").out
    assert "<tools>" not in out
    assert '{"name": "f"' in out


def test_render_for_a_model_of_the_store(cortex: Cortex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tiny.write(tmp_path / "t.gguf", **{"tokenizer.chat_template": TEMPLATE})
    assert cortex("models", "import", "--model_id", "tiny:1b", "--model_path", str(file)).code == 0
    type_in(monkeypatch, json.dumps(CHAT))
    assert cortex("dialects", "render", "--model", "tiny").out == "[user]hi[assistant]"
    type_in(monkeypatch, json.dumps(CHAT | {"tools": [TOOL]}))
    assert "<tools>" not in cortex("dialects", "render", "--model", "tiny", "--dialect", "fallback").out


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{", "not JSON"),
        ("{}", "messages"),
        ('{"messages": [{"role": "user", "content": 5}]}', "messages.0.content"),
        ('{"messages": [{"role": "user", "content": ""}], "tools": [{}]}', "tools.0.function"),
    ],
)
def test_render_names_the_field_at_fault(
    cortex: Cortex, monkeypatch: pytest.MonkeyPatch, template: Path, body: str, field: str
) -> None:
    type_in(monkeypatch, body)
    done = cortex("dialects", "render", "--template", str(template))
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert field in done.err


def test_render_wants_one_source_of_the_template(cortex: Cortex, template: Path) -> None:
    for sources in ([], ["--template", str(template), "--model", "x"]):
        done = cortex("dialects", "render", *sources)
        assert done.code == 1
        assert "--gguf" in done.err


def test_render_of_a_missing_file_is_one_line(cortex: Cortex, template: Path) -> None:
    done = cortex("dialects", "render", "nowhere.json", "--template", str(template))
    assert done.err == "Error: nowhere.json cannot be read: No such file or directory\n"


# parse


def test_parse_prints_a_message(cortex: Cortex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tools.json").write_text(json.dumps([TOOL]))
    type_in(monkeypatch, f"<think>hm</think>Hi {CALL}")
    done = cortex("dialects", "parse", "--dialect", "hermes", "--tools", str(tmp_path / "tools.json"))
    message = json.loads(done.out)
    assert done.code == 0
    assert (message["content"], message["reasoning_content"], message["finish_reason"]) == ("Hi", "hm", "tool_calls")
    (call,) = message["tool_calls"]
    assert call["function"] == {"name": "f", "arguments": '{"a": 1}'}


def test_parse_is_told_of_the_thought(cortex: Cortex, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, "hm</think>Hi")
    open_message = json.loads(cortex("dialects", "parse", "--dialect", "hermes", "--thinking", "open").out)
    assert (open_message["reasoning_content"], open_message["content"]) == ("hm", "Hi")
    type_in(monkeypatch, "<think>hm</think>Hi")
    assert json.loads(cortex("dialects", "parse", "--dialect", "hermes", "--thinking", "no").out)["content"] == (
        "<think>hm</think>Hi"
    )


@pytest.mark.parametrize("said", [b"", b"\xff\xfe", b"<tool_call>{", b"<think>", b"\x00" * 100])
def test_parse_never_fails_on_what_a_model_says(cortex: Cortex, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    type_in(monkeypatch, said)
    done = cortex("dialects", "parse", "--dialect", "hermes")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["role"] == "assistant"


@pytest.mark.parametrize(
    ("tools", "reason"), [("{", "not JSON"), ('{"tools": [{}]}', "tools.0.function"), ("5", "tools must be")]
)
def test_parse_refuses_what_are_no_tools(
    cortex: Cortex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tools: str, reason: str
) -> None:
    type_in(monkeypatch, "hi")
    (tmp_path / "tools.json").write_text(tools)
    done = cortex("dialects", "parse", "--dialect", "hermes", "--tools", str(tmp_path / "tools.json"))
    assert (done.code, done.out) == (1, "")
    assert reason in done.err
