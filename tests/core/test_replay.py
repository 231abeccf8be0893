"""The harness that judges the parser is judged itself: what counts as the same reply, and what does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cortex.core.chat import Tool
from cortex.core.dialect import Dialect
from cortex.core.errors import BadRequest
from cortex.core.events import Call, CallBegin, CallDelta, CallEnd, Event, Reasoning, Text
from cortex.core.parse import Reading
from cortex.core.replay import LONG, SIZES, Case, Cuts, Verdict, case, functions, hear, reading, replay, ways
from cortex.core.verdict import (
    Expected,
    Heard,
    Problem,
    arguments,
    closed,
    differences,
    heard,
    lost,
    problems,
    same_json,
    same_text,
    unlike,
)
from cortex.dialects import by_family, find

HERMES = find("hermes")
NOW = datetime(2026, 1, 1)
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
CALL = '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>'


def row(text: str, *, kind: str = "tool_call", **changes: Any) -> dict[str, Any]:
    expected = {"content": None, "reasoning_content": None, "tool_calls": []} | changes.pop("expected", {})
    return {
        "id": "hermes/ours/1",
        "family": "hermes",
        "kind": kind,
        "model_output": text,
        "tools": TOOLS,
        "expected": expected,
        "params": changes.pop("params", {}),
        **changes,
    }


def calls(*named: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "arguments": value} for name, value in named]


def judge(given: dict[str, Any], *, cuts: Cuts = "all", template: str = "") -> Verdict:
    return replay(case(given), HERMES, cuts=cuts, template=template, now=NOW)


def said(*texts: str, thoughts: Sequence[str] = (), calls: Sequence[Call] = ()) -> Heard:
    return Heard(texts, tuple(thoughts), tuple(calls))


def whole(name: str, arguments: str) -> Call:
    return Call("call_0", name, arguments, complete=True)


def fields(expected: Expected, got: Heard) -> list[str]:
    return [problem.field for problem in differences(expected, got, HERMES)]


# One case from end to end


def test_a_call_is_read_the_same_at_every_cut() -> None:
    verdict = judge(row(f"Hi. {CALL}", expected={"content": "Hi.", "tool_calls": calls(("f", {"a": 1.0}))}))
    assert verdict.passed
    assert (verdict.dialect, verdict.thought, verdict.cut) == ("hermes", "may", "whole")


def test_another_answer_names_the_fields_that_differ() -> None:
    verdict = judge(row(f"Hi. {CALL}", expected={"tool_calls": calls(("f", {"a": True}))}))
    assert [problem.field for problem in verdict.problems] == ["calls", "content"]
    assert verdict.problems[0].expected == '[["f", {"a": true}]]'
    assert verdict.problems[0].got == '[["f", {"a": 1}]]'


class Careless:
    """A parser with a fault: it loses what comes in a second piece."""

    def __init__(self, dialect: Dialect, reading: Reading, new_id: Callable[[str], str]) -> None:
        self.fed = False

    def feed(self, text: str) -> list[Event]:
        events: list[Event] = [] if self.fed else [Text(text)]
        self.fed = True
        return events

    def flush(self) -> list[Event]:
        return []


class Raising(Careless):
    """A parser that raises when a second piece comes; at once where the text is "at once"."""

    def feed(self, text: str) -> list[Event]:
        if self.fed or text == "at once":
            raise LookupError("no marker")
        return super().feed(text)


def test_a_reply_that_depends_on_the_cut_fails_and_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cortex.core.replay.Parser", Careless)
    assert judge(row("hi", expected={"content": "hi"}), cuts="none").passed
    verdict = judge(row("hi", expected={"content": "hi"}))
    assert verdict.cut == "character by character"
    assert verdict.problems == (Problem("content", '["hi"]', '["h"]'),)


@pytest.mark.parametrize(("text", "cut"), [("at once", "whole"), ("later", "character by character")])
@pytest.mark.parametrize("kind", ["no_tool", "malformed_or_plain_markers"])
def test_an_exception_fails_the_case(monkeypatch: pytest.MonkeyPatch, kind: str, text: str, cut: str) -> None:
    monkeypatch.setattr("cortex.core.replay.Parser", Raising)
    verdict = judge(row(text, kind=kind, expected={"content": text}))
    assert verdict.problems == (Problem("exception", "none", "LookupError: no marker"),)
    assert verdict.cut == cut


@pytest.mark.parametrize(
    ("text", "cuts", "count"),
    [
        ("abc", "none", 0),
        ("abc", "chars", 1),
        ("abc", "all", 3),
        ("a" * LONG, "all", LONG),
        ("a" * (LONG + 1), "all", 1 + len(SIZES)),
    ],
)
def test_every_cut_holds_the_whole_text(text: str, cuts: Cuts, count: int) -> None:
    found = [list(pieces) for _, pieces in ways(text, cuts)]
    assert len(found) == count
    assert all("".join(pieces) == text for pieces in found)


def test_without_tools_nothing_is_broken() -> None:
    assert hear(HERMES, reading({}, "no"), ["a", "b"]) == said("ab")


# Rows


@pytest.mark.parametrize("missing", ["id", "family", "kind", "model_output", "tools", "expected", "params"])
def test_a_row_without_its_fields_is_refused(missing: str) -> None:
    given = row("hi")
    del given[missing]
    with pytest.raises(BadRequest, match=missing):
        case(given)


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(BadRequest, match="not a case"):
        case([])  # type: ignore[arg-type]


def test_a_tool_that_is_no_function_is_left_out() -> None:
    strange: list[dict[str, Any]] = [
        {"type": "function", "function": ["g", "{}"]},
        {"function": {"parameters": {}}},
        {"name": "h"},
    ]
    assert functions([*TOOLS, *strange]) == {"f": {"type": "object"}}
    assert functions([{"function": {"name": "f", "parameters": "{}"}}]) == {"f": {}}


def test_tools_that_are_too_much_for_us_fail_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    def arguments(tool: Tool) -> dict[str, Any]:
        raise RecursionError(tool.name)

    monkeypatch.setattr("cortex.core.replay.arguments", arguments)
    assert judge(row("hi")).problems == (Problem("exception", "none", "RecursionError: f"),)


@pytest.mark.parametrize(
    ("text", "params", "template", "thought"),
    [
        ("hi", {}, "", "may"),
        ("hi", {"prompt_opens_reasoning": True}, "", "open"),
        ("hi", {"thinking": False}, "", "no"),
        ("hi", {"thinking": True}, "", "may"),
        ("hi", {"chat_template_kwargs": {"enable_thinking": False}}, "", "no"),
        ("</think>hi", {}, "", "open"),
        ("hm</think>hi", {}, "", "open"),
        ("<think>hm</think>hi</think>", {}, "", "may"),
        ("</think>hi", {"thinking": False}, "", "no"),
        ("hi", {"template_file": "a.jinja", "enable_thinking": False}, "<think>", "open"),
        ("hi", {"template_file": "a.jinja"}, "{% if enable_thinking %}<think>\n{% endif %}", "open"),
        (
            "hi",
            {"template_file": "a.jinja", "enable_thinking": False},
            "{% if enable_thinking %}<think>{% endif %}",
            "may",
        ),
        ("hi", {"template_file": "a.jinja"}, "{{ raise_exception('no') }}<think>", "may"),
        ("hi", {"template_file": "a.jinja", "reasoning_format": "none"}, "<think>", "may"),
        ("hm</think>hi", {"template_file": "a.jinja", "reasoning_format": "none"}, "<think>", "open"),
    ],
)
def test_whether_a_thought_is_open(text: str, params: dict[str, Any], template: str, thought: str) -> None:
    assert judge(row(text, params=params), template=template).thought == thought


def test_control_tokens_never_reach_the_parser() -> None:
    given = row("<bos>hm<eos>m</think>hi", kind="reasoning", expected={"content": "hi", "reasoning_content": "hmm"})
    assert judge(given).passed


def test_the_template_of_a_case_is_the_first_it_names() -> None:
    assert case(row("", params={"template_file": "a.jinja | b.jinja"})).template == "a.jinja"


def test_tools_in_a_form_of_the_sources_own_make_every_name_count() -> None:
    assert case(row("x", tools=[{"type": "function", "function": ["f", "text", "{}"]}])).tools is None
    assert case(row("x")).tools == TOOLS


def test_an_end_that_texts_share_does_not_tell_of_a_thought() -> None:
    given = case(row("Hello.<|end_message|>", tools=None))
    assert replay(given, find("inkling"), now=NOW).thought == "may"


def test_a_reply_that_has_to_call_holds_no_text() -> None:
    given = row(f"Hi. {CALL}", params={"tool_choice": "required"}, expected={"tool_calls": calls(("f", {"a": 1}))})
    assert judge(given).passed


def test_where_the_answer_is_json_loose_json_is_no_call() -> None:
    loose = '{"name": "f", "arguments": {}}'
    assert judge(row(loose, expected={"tool_calls": calls(("f", {}))})).passed
    assert judge(row(loose, params={"json_schema": "{}"}, expected={"content": loose})).passed


# Text


@pytest.mark.parametrize(
    ("expected", "texts", "same"),
    [
        (None, (), True),
        ("", (" \n",), True),
        (" a\n", ("a",), True),
        ("a b", ("a  b",), False),
        ("a\n\nb", ("a", "b"), True),
        ("ab", ("a", "b"), True),
        ("ab", ("a",), False),
        ("a", ("a", "b"), False),
        ("a b", ("ab",), False),
    ],
)
def test_white_space_is_free_outside_and_where_calls_stood(
    expected: str | None, texts: tuple[str, ...], same: bool
) -> None:
    assert same_text(expected, texts) is same


def test_stretches_of_text_end_where_something_else_stands() -> None:
    events: list[Event] = [
        *(Text("a"), Text("b"), CallBegin(0, "x", "f"), CallDelta(0, "{}"), CallEnd(0), Text("c")),
        *(Reasoning("d"), CallBegin(1, "y", "g"), Reasoning("e")),
    ]
    assert heard(events) == said(
        "ab", "c", thoughts=("d", "e"), calls=(Call("x", "f", "{}", complete=True), Call("y", "g"))
    )


def test_two_readings_differ_in_each_of_their_fields() -> None:
    one = said("a", thoughts=("b",), calls=[whole("f", "{}")])
    other = said("A", thoughts=("B",), calls=[Call("call_0", "f", "{}")])
    assert [problem.field for problem in unlike(one, other)] == ["content", "reasoning", "calls"]
    assert not unlike(one, replace(one))


# Calls


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1.0}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": [0]}, {"a": [False]}, False),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": None}, {"b": None}, False),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ({}, [], False),
        (True, True, True),
        (10**20, 10**20 + 1, False),
        ([float("nan")], [float("nan")], True),
    ],
)
def test_arguments_are_compared_as_json_values(one: Any, other: Any, same: bool) -> None:
    assert same_json(one, other) is same
    assert same_json(other, one) is same


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("{", {}),
        ('{"a', {}),
        ('{"a": ', {}),
        ('{"a": "Par', {"a": "Par"}),
        ('{"a": "x\\', {"a": "x"}),
        ('{"a": "\\"', {"a": '"'}),
        ('{"a": [1, {"b": tr', {"a": [1, {}]}),
        ('{"a": [1], "b": "]', {"a": [1], "b": "]"}),
        ("nothing", {}),
    ],
)
def test_a_call_that_was_cut_off_has_what_came_of_its_arguments(text: str, value: Any) -> None:
    assert closed(text) == value
    assert arguments(Call("", "f", text)) == value


def test_arguments_that_are_no_json_stay_text() -> None:
    assert arguments(whole("f", "{a}")) == "{a}"


@pytest.mark.parametrize(
    "got",
    [(), (whole("g", "{}"),), (whole("f", '{"a": 1}'),), (whole("f", "{}"), whole("f", "{}"))],
    ids=["none", "another name", "other arguments", "one more"],
)
def test_calls_differ_in_number_name_and_arguments(got: Sequence[Call]) -> None:
    expected = Expected(calls=(("f", {}),))
    assert fields(expected, said(calls=got)) == ["calls"]
    assert not fields(expected, said(calls=[whole("f", "{}")]))


# Scopes


def test_everything_is_asserted_by_default() -> None:
    assert fields(Expected(), said("a", thoughts=("b",), calls=[whole("f", "{}")])) == ["calls", "reasoning", "content"]


def test_a_silent_source_asserts_only_what_it_names() -> None:
    assert not fields(Expected(silent=True), said("a", thoughts=("b",)))
    assert fields(Expected("x", "y", silent=True), said("a", thoughts=("b",))) == ["reasoning", "content"]


def test_a_silent_source_asserts_only_the_arguments_it_names() -> None:
    got = said(calls=[whole("f", '{"a": 1, "b": 2}')])
    assert not fields(Expected(calls=(("f", {"a": 1}),), silent=True), got)
    assert fields(Expected(calls=(("f", {"a": 2}),), silent=True), got) == ["calls"]
    assert fields(Expected(calls=(("f", {"a": 1}),)), got) == ["calls"]


def test_the_note_of_a_row_makes_it_silent() -> None:
    note = "inline; null content/reasoning = not asserted"
    assert judge(row("Hi.", note=note)).passed
    assert not judge(row("Hi.", note="inline")).passed


@pytest.mark.parametrize(
    ("content", "got", "fine"),
    [
        (None, said("a", thoughts=("b",)), True),
        ("a", said("a", thoughts=("b",)), True),
        ("<think>b</think>\na", said("a", thoughts=("b",)), True),
        ("b</think> a", said("a", thoughts=("b",)), True),
        ("<think>b", said(thoughts=("b",)), True),
        ("b", said(thoughts=("b",)), True),
        ("<think>c</think>a", said("a", thoughts=("b",)), False),
        ("<think>b</think>", said("a", thoughts=("b",)), False),
        ("<think>b</think>a", said("a"), False),
    ],
)
def test_a_source_of_calls_shows_content_with_the_thought_in_it(content: str | None, got: Heard, fine: bool) -> None:
    assert (fields(Expected(content, scope="tool_parser_only"), got) == []) is fine


def test_an_inline_thought_has_to_be_in_the_content() -> None:
    got = said("a", thoughts=("b",))
    assert not fields(Expected("<think>b</think>a", inline=True), got)
    assert fields(Expected("a", inline=True), got) == ["content"]
    assert not fields(Expected("a", inline=True), said("a"))


@pytest.mark.parametrize(
    ("content", "got", "wrong"),
    [
        ("a", said("a", thoughts=("b",)), []),
        ("a", said("a"), ["reasoning"]),
        ("a", said("c", thoughts=("b",)), ["content"]),
        (f"a {CALL} c", said("a", "c", thoughts=("b",), calls=[whole("f", '{"a": 1}')]), []),
        (f"a {CALL} c", said("a", thoughts=("b",), calls=[whole("f", '{"a": 1}')]), ["content"]),
        (f"a {CALL}", said("a", "made up", thoughts=("b",), calls=[whole("f", '{"a": 1}')]), ["content"]),
        (None, said(thoughts=("b",), calls=[whole("f", "{}")]), []),
    ],
)
def test_a_source_of_reasoning_shows_calls_as_text(content: str | None, got: Heard, wrong: list[str]) -> None:
    assert fields(Expected(content, "b", scope="reasoning_parser_only"), got) == wrong


# Lost text


@pytest.mark.parametrize(
    ("text", "got", "gone"),
    [
        ("one two", said("two one"), []),
        ("one two two", said("one two"), ["two"]),
        ("<tool_call>broken {</tool_call>", said("broken"), []),
        ("<tool_call>broken {</tool_call>", said(), ["broken"]),
        ('<tool_call>{"name": "f", "arguments": {"a": "x\\ny"}}', said(calls=[Call("", "f", '{"a": "x\\ny"}')]), []),
        ('<tool_call>{"name": "f", "arguments": {"a": "x"}}', said(calls=[Call("", "f", "")]), ["a", "x"]),
        ("[TOOL_CALLS] [what]", said("[what]"), []),
        ("a < b > c", said("a < c"), ["b"]),
        ("tail <tool_c", said("tail"), []),
        ("tail <tool fakeout", said("tail"), ["fakeout", "tool"]),
        ("hm", said(thoughts=("hm",)), []),
        ("[f(a=None, b='\\u00e9')]", said(calls=[whole("f", '{"a": null, "b": "é"}')]), []),
    ],
)
def test_lost_words_are_found(text: str, got: Heard, gone: list[str]) -> None:
    assert lost(text, got, HERMES) == gone


def test_a_name_that_the_family_writes_twice_is_kept_twice() -> None:
    got = said(calls=[whole("f", "{}")])
    assert lost('f<|content_invoke_tool_json|>{"name": "f", "args": {}}', got, find("inkling")) == []
    assert lost('f {"name": "f", "arguments": {}}', got, HERMES) == ["f"]


def test_plain_markers_pass_as_expected_or_with_nothing_lost() -> None:
    expected = Expected(None, lenient=True)
    assert not problems(expected, said(), "<tool_call>gone", HERMES)
    assert not problems(expected, said("kept"), "<tool_call>kept", HERMES)
    found = problems(expected, said("other"), "<tool_call>gone", HERMES)
    assert [problem.field for problem in found] == ["content", "lost text"]
    assert found[1].got == '["gone"]'


def test_only_plain_markers_are_judged_so_leniently() -> None:
    assert problems(Expected(None), said("kept"), "kept", HERMES)
    assert judge(row("<tool_call>kept", kind="malformed_or_plain_markers")).passed
    assert not judge(row("<tool_call>kept")).passed


def test_a_case_is_what_its_row_says() -> None:
    found = case(row("x", expected={"tool_calls": calls(("f", {}))}, params={"scope": "tool_parser_only"}, note=None))
    assert found == Case(
        "hermes/ours/1", "hermes", "tool_call", "x", Expected(calls=(("f", {}),), scope="tool_parser_only"), TOOLS,
        arguments={"enable_thinking": True},
    )  # fmt: skip


@pytest.mark.slow
def test_nothing_that_the_field_recorded_raises_or_is_lost(shared_data: Path) -> None:
    rows = map(json.loads, (shared_data / "parse_cases.jsonl").read_text("utf-8").splitlines())
    cases = [(one, dialect) for one in map(case, rows) if (dialect := by_family(one.family))]
    verdicts = [replay(one, dialect, cuts="chars", now=NOW) for one, dialect in cases]
    bad = [
        (verdict.case.id, problem)
        for verdict in verdicts
        for problem in verdict.problems
        if problem.field in ("exception", "lost text") or verdict.cut != "whole"
    ]
    assert verdicts
    assert not bad


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": "42", "b": ["true"]}, {"a": 42, "b": [True]}, True),
        ({"a": None}, {"a": "null"}, True),
        ({"a": "42"}, {"a": 43}, False),
        ({"a": "x"}, {"b": "x"}, False),
    ],
)
def test_without_types_a_value_is_the_text_that_spells_it(one: object, other: object, same: bool) -> None:
    assert same_json(one, other, untyped=True) is same
    assert same_json(one, one, untyped=True)
    if one != other:
        assert not same_json(one, other)


def test_text_after_calls_may_be_kept_or_dropped_where_only_calls_were_looked_at() -> None:
    text = 'Before.<tool_call>{"name": "now", "arguments": {}}</tool_call>After.'
    expected = {"content": "Before.", "tool_calls": calls(("now", {}))}
    for scope, right in (("tool_parser_only", True), ("full", False)):
        assert judge(row(text, expected=expected, params={"scope": scope})).passed is right
