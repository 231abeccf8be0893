"""Every dialect, three ways: what it writes, its grammar accepts and its parser reads back, at every cut."""

from __future__ import annotations

import pytest
from replies import DIALECTS, NAMES, ONE, TOOLS, TWO, calls, key, read
from vocabulary import Marked, accepts, begins, cuts, forced

from cortex.core import grammar
from cortex.core.dialect import Dialect, Span
from cortex.core.parse import Reading
from cortex.core.rules import Rules

pytestmark = pytest.mark.parametrize("dialect", DIALECTS, ids=[dialect.name for dialect in DIALECTS])
WRONG: list[dict[str, object]] = [
    {"days": 34},
    {"city": "Rome", "dayz": 34},
    {"city": "Rome", "days": "soon"},
    {"city": "Rome", "days": 34.5},
    {"city": "Rome", "days": 34, "unit": "K"},
    {"city": "Rome", "days": 34, "more": "x"},
]
AUTO, MUST = Rules(TOOLS), Rules(TOOLS, must=True)


@pytest.mark.parametrize("rules", [AUTO, MUST], ids=["auto", "required"])
@pytest.mark.parametrize("given", [ONE, TWO], ids=["one", "two"])
def test_what_is_written_is_accepted_and_read_back(dialect: Dialect, rules: Rules, given: object) -> None:
    text = dialect.write(given)
    assert accepts(grammar.build(dialect, rules, {}), text)
    marked = Marked.of(dialect)
    assert accepts(grammar.build(dialect, rules, marked.specials), text, marked)
    for chunks in cuts(text, 3):
        reply = read(dialect, chunks, Reading(NAMES, must=rules.must))
        assert (reply.text, calls(reply)) == ("", given), chunks


@pytest.mark.parametrize("rules", [AUTO, MUST], ids=["auto", "required"])
def test_arguments_that_break_the_schema_are_refused(dialect: Dialect, rules: Rules) -> None:
    marked = Marked.of(dialect)
    plain, tokens = grammar.build(dialect, rules, {}), grammar.build(dialect, rules, marked.specials)
    for given, want in (({"city": "Rome", "days": 34}, True), *((wrong, False) for wrong in WRONG)):
        text = dialect.write([("get_weather", given)])
        assert accepts(plain, text) is want, given
        assert accepts(tokens, text, marked) is want, given


def test_required_begins_with_a_call_at_once(dialect: Dialect) -> None:
    text = grammar.build(dialect, MUST, {})
    assert forced(text).startswith(dialect.notation.lead)
    assert not accepts(text, "Just text.")
    assert not accepts(text, dialect.write(ONE).replace("get_weather", "get_wether"))


def test_a_named_tool_is_the_only_one(dialect: Dialect) -> None:
    only = grammar.build(dialect, Rules(TOOLS[1:2], must=True, parallel=False), {})
    assert accepts(only, dialect.write([("now", {})]))
    assert not accepts(only, dialect.write(ONE))


@pytest.mark.parametrize("must", [True, False])
def test_without_parallel_calls_there_is_one(dialect: Dialect, must: bool) -> None:
    text = grammar.build(dialect, Rules(TOOLS, must=must, parallel=False), {})
    assert accepts(text, dialect.write(ONE))
    assert not accepts(text, dialect.write(TWO))


def test_text_comes_before_calls_in_auto(dialect: Dialect) -> None:
    text, marked = said(dialect, "Let me see.") + dialect.write(TWO), Marked.of(dialect)
    for given, specials in ((None, {}), (marked, marked.specials)):
        text_or_calls = grammar.build(dialect, AUTO, specials)
        assert accepts(text_or_calls, text, given)
        assert accepts(text_or_calls, "Just text.", given)
    for chunks in cuts(text, 7):
        reply = read(dialect, chunks)
        assert (reply.text, calls(reply)) == ("Let me see.", TWO), chunks


def said(dialect: Dialect, words: str) -> str:
    """The words before a call, as the family marks them."""
    closed = [span for span in dialect.text if span.close]
    if not closed and dialect.joint:
        return f"{dialect.text[0].open}{words}{dialect.joint}"
    return f"{closed[0].open}{words}{closed[0].close}{dialect.joint}" if closed else f"{words}\n"


@pytest.mark.parametrize("rules", [AUTO, MUST], ids=["auto", "required"])
def test_thoughts_come_before_calls(dialect: Dialect, rules: Rules) -> None:
    may = Rules(rules.tools, rules.must, thought="may")
    opened = Rules(rules.tools, rules.must, thought="open")
    opener, closer = dialect.reasoning
    rest = f"so {{do}} it{closer}{dialect.joint or chr(10)}{dialect.write(TWO)}"
    marked = Marked.of(dialect)
    for given, specials in ((None, {}), (marked, marked.specials)):
        assert accepts(grammar.build(dialect, may, specials), opener + rest, given)
        assert accepts(grammar.build(dialect, may, specials), dialect.write(TWO), given)
        assert accepts(grammar.build(dialect, opened, specials), rest, given)
    for chunks in cuts(f"\n{opener}{rest}", 7):
        reply = read(dialect, chunks, Reading(NAMES, thought="may"))
        assert (reply.reasoning, reply.text, calls(reply)) == ("so {do} it", "", TWO), chunks
    for chunks in cuts(rest, 7):
        reply = read(dialect, chunks, Reading(NAMES, thought="open"))
        assert (reply.reasoning, reply.text, calls(reply)) == ("so {do} it", "", TWO), chunks


def test_none_makes_calls_impossible(dialect: Dialect) -> None:
    marked = Marked.of(dialect)
    for given, specials in ((None, {}), (marked, marked.specials)):
        text = grammar.silent(dialect, Rules(TOOLS), specials)
        assert accepts(text, "Your order comes on Monday.", given)
        for call in (dialect.write(ONE), "Now:\n" + dialect.write(ONE), 'Now:\n{"name": "now", "arguments": {}}'):
            assert not accepts(text, call, given)
    for start in ("```json\nnothing", "```\n", "[", '{"a"'):
        assert not begins(grammar.silent(dialect, Rules(TOOLS), {}), start)
    for words in ("a `code`", 'He said {"name": "now"}', "Here:\n```json\n[1]\n```"):
        assert accepts(grammar.silent(dialect, Rules(TOOLS), {}), words)


def test_an_answer_that_follows_a_schema_or_a_call(dialect: Dialect) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    both = grammar.build(dialect, Rules(TOOLS, schema=schema), {})
    span = next(iter(dialect.text), Span("", ""))
    answer = span.open + '{"name": "now"}' + span.close
    assert accepts(both, answer)
    assert accepts(both, dialect.write(TWO))
    assert not accepts(both, "Just text.")
    alone = grammar.build(dialect, Rules(schema=schema), {})
    assert accepts(alone, answer)
    assert not accepts(alone, dialect.write(TWO))
    for text, want in ((answer, []), (dialect.write(TWO), TWO), ('{"name": "now", "arguments": {}}', [])):
        for chunks in cuts(text, 7):
            assert calls(read(dialect, chunks, Reading(NAMES, loose=False))) == want


def test_truncated_replies_read_the_same_at_every_cut(dialect: Dialect) -> None:
    text = "Hm. \n" + dialect.write(TWO)
    for end in range(0, len(text), 5):
        whole, single = read(dialect, [text[:end]]), read(dialect, list(text[:end]))
        assert key(whole) == key(single), text[:end]
        assert [call.complete for call in whole.calls] in ([], [False], [True], [True, False], [True, True])
        must = read(dialect, [text[5:end]], Reading(NAMES, must=True))
        assert must.text == ""
        assert not whole.calls or not dialect.notation.marker or dialect.notation.marker not in whole.text
