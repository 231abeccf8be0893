"""Every dialect, three ways: what it writes, its grammar accepts and its parser reads back, at every cut."""

from __future__ import annotations

import json
import random

import jsonschema
import pytest
from replies import DIALECTS, NAMES, ONE, TOOLS, TWO, calls, key, read
from vocabulary import BYTES, SPECIALS, accepts, begins, cuts, forced, matcher

from cortex.core import grammar
from cortex.core.dialect import Dialect
from cortex.core.grammar import Rules
from cortex.core.parse import Reading
from cortex.core.schema import arguments

pytestmark = pytest.mark.parametrize("dialect", DIALECTS, ids=[dialect.name for dialect in DIALECTS])
AUTO, MUST = Rules(TOOLS), Rules(TOOLS, must=True)


@pytest.mark.parametrize("rules", [AUTO, MUST], ids=["auto", "required"])
@pytest.mark.parametrize("given", [ONE, TWO], ids=["one", "two"])
def test_what_is_written_is_accepted_and_read_back(dialect: Dialect, rules: Rules, given: object) -> None:
    text = dialect.write(given)
    assert accepts(grammar.build(dialect, rules, {}), text)
    assert accepts(grammar.build(dialect, rules, SPECIALS), text, marked=True)
    for chunks in cuts(text):
        reply = read(dialect, chunks, Reading(NAMES, must=rules.must))
        assert (reply.text, calls(reply)) == ("", given), chunks


@pytest.mark.parametrize("rules", [AUTO, MUST], ids=["auto", "required"])
@pytest.mark.parametrize(("right", "wrong"), [("days", "dayz"), ("34", "soon"), ('"C"', '"K"'), ('"city"', '"days"')])
def test_arguments_that_break_the_schema_are_refused(dialect: Dialect, rules: Rules, right: str, wrong: str) -> None:
    text = dialect.write(ONE).replace(right, wrong)
    assert not accepts(grammar.build(dialect, rules, {}), text)
    assert not accepts(grammar.build(dialect, rules, SPECIALS), text, marked=True)


def test_required_begins_with_a_call_at_once(dialect: Dialect) -> None:
    text = grammar.build(dialect, MUST, {})
    assert forced(text).startswith(dialect.begin + dialect.parts[0])
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
    text = "Let me see.\n" + dialect.write(TWO)
    assert accepts(grammar.build(dialect, AUTO, {}), text)
    assert accepts(grammar.build(dialect, AUTO, SPECIALS), text, marked=True)
    assert accepts(grammar.build(dialect, AUTO, {}), "Just text.")
    for chunks in cuts(text):
        reply = read(dialect, chunks)
        assert (reply.text, calls(reply)) == ("Let me see.", TWO), chunks


@pytest.mark.parametrize("rules", [AUTO, MUST], ids=["auto", "required"])
def test_thoughts_come_before_calls(dialect: Dialect, rules: Rules) -> None:
    may = Rules(rules.tools, rules.must, thought="may")
    opened = Rules(rules.tools, rules.must, thought="open")
    rest = "so {do} it</think>\n" + dialect.write(TWO)
    for marked, specials in ((False, {}), (True, SPECIALS)):
        assert accepts(grammar.build(dialect, may, specials), "<think>" + rest, marked=marked)
        assert accepts(grammar.build(dialect, may, specials), dialect.write(TWO), marked=marked)
        assert accepts(grammar.build(dialect, opened, specials), rest, marked=marked)
    for chunks in cuts("\n<think>" + rest):
        reply = read(dialect, chunks, Reading(NAMES, thought="may"))
        assert (reply.reasoning, reply.text, calls(reply)) == ("so {do} it", "", TWO), chunks
    for chunks in cuts(rest):
        reply = read(dialect, chunks, Reading(NAMES, thought="open"))
        assert (reply.reasoning, reply.text, calls(reply)) == ("so {do} it", "", TWO), chunks


def test_none_makes_calls_impossible(dialect: Dialect) -> None:
    for specials, marked in (({}, False), (SPECIALS, True)):
        text = grammar.silent(dialect, Rules(TOOLS), specials)
        assert accepts(text, "Your order comes on Monday.", marked=marked)
        for call in (dialect.write(ONE), "Now:\n" + dialect.write(ONE), 'Now:\n{"name": "now", "arguments": {}}'):
            assert not accepts(text, call, marked=marked)
    for start in ("```json\nnothing", "```\n", "[", '{"a"'):
        assert not begins(grammar.silent(dialect, Rules(TOOLS), {}), start)
    for words in ("a `code`", 'He said {"name": "now"}', "Here:\n```json\n[1]\n```"):
        assert accepts(grammar.silent(dialect, Rules(TOOLS), {}), words)


def test_an_answer_that_follows_a_schema_or_a_call(dialect: Dialect) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    both = grammar.build(dialect, Rules(TOOLS, schema=schema), {})
    answer = '{"name": "now"}'
    assert accepts(both, answer)
    assert accepts(both, dialect.write(TWO))
    assert not accepts(both, "Just text.")
    alone = grammar.build(dialect, Rules(schema=schema), {})
    assert accepts(alone, answer)
    assert not accepts(alone, dialect.write(TWO))
    for text, want in ((answer, []), (dialect.write(TWO), TWO), ('{"name": "now", "arguments": {}}', [])):
        for chunks in cuts(text):
            assert calls(read(dialect, chunks, Reading(NAMES, loose=False))) == want


def test_truncated_replies_read_the_same_at_every_cut(dialect: Dialect) -> None:
    text = "Hm. \n" + dialect.write(TWO)
    for end in range(len(text)):
        whole, single = read(dialect, [text[:end]]), read(dialect, list(text[:end]))
        assert key(whole) == key(single), text[:end]
        assert [call.complete for call in whole.calls] in ([], [False], [True], [True, False], [True, True])
        must = read(dialect, [text[5:end]], Reading(NAMES, must=True))
        assert must.text == ""
        assert dialect.marker not in whole.text.replace("```json\n[", "") or not whole.calls


def test_the_random_model_cannot_make_a_malformed_call(dialect: Dialect) -> None:
    """A model that knows nothing picks uniformly among the bytes that the grammar allows."""
    chance, finished = random.Random(7), 0
    schemas = {tool.name: arguments(tool) for tool in TOOLS}
    for number in range(60):
        parallel = number % 2 == 0
        text = say(grammar.build(dialect, Rules(TOOLS, must=True, parallel=parallel), {}), chance)
        if text is None:
            continue
        finished += 1
        reply = read(dialect, [text], Reading(NAMES, must=True))
        assert calls(reply)
        assert parallel or len(reply.calls) == 1
        for call in reply.calls:
            jsonschema.validate(json.loads(call.arguments), schemas[call.name])
    assert finished >= 30


def say(text: str, chance: random.Random, limit: int = 3000) -> str | None:
    """A reply of the random model; None if it finds no end."""
    state, out = matcher(text), bytearray()
    while len(out) < limit:
        bias = state.compute_logit_bias()
        allowed = [byte for byte in (*range(32, 127), 10) if bias[byte]]
        if bias[BYTES.eos_token] and (not allowed or chance.random() < 0.3):
            return out.decode()
        closing = [byte for byte in allowed if byte in b'"}]<']  # like any model, it would rather end strings
        pick = chance.choice(closing if closing and chance.random() < 0.15 else allowed)
        state.consume_token(pick)
        out.append(pick)
    return None
