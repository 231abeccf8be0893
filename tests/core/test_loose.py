"""Models that slip: a call in loose JSON is one, in every dialect; what only looks like one is released unchanged."""

from __future__ import annotations

import pytest
from replies import DIALECTS, LISTED, NAMES, TOOLS, calls, key, read
from vocabulary import accepts, begins, cuts, matcher

from cortex.core import grammar
from cortex.core.dialect import Dialect
from cortex.core.parse import Reading
from cortex.core.rules import Rules
from cortex.dialects import find

FEW = [*map(find, ("hermes", "fallback", "qwen3-coder", "harmony")), LISTED]
few = pytest.mark.parametrize("dialect", FEW, ids=[dialect.name for dialect in FEW])

NOW = '{"name": "now", "arguments": {}}'
TAG = '{"name": "tag", "arguments": {"names": ["{[\\"}"]}}'
BOTH = [("now", {}), ("tag", {"names": ['{["}']})]

SLIPS = [  # raw reply, text, calls
    (NOW, "", BOTH[:1]),
    ('{"name":"now","arguments":{}}', "", BOTH[:1]),
    ('{\n  "name": "now",\n  "parameters": {}\n}', "", BOTH[:1]),
    (f"{NOW}\n{TAG}", "", BOTH),
    (f"{NOW} {TAG}", "", BOTH),
    (f"{{{NOW}}}", "", BOTH[:1]),
    (f"[{NOW}, {TAG}]", "", BOTH),
    (f"[\n  {NOW},\n  {TAG}\n]", "", BOTH),
    (f"```json\n{NOW}\n```", "", BOTH[:1]),
    (f"```\n{{{NOW}}}\n```", "", BOTH[:1]),
    (f"```json\n{NOW}\n{TAG}\n```", "", BOTH),
    (f"```json\n[{NOW}, {TAG}]\n```", "", BOTH),
    (f"```json\n{NOW}\n```\n```json\n[{TAG}]\n```", "", BOTH),
    (f"Sure, I will look.\n\n```json\n{NOW}\n```", "Sure, I will look.", BOTH[:1]),
    (f"One moment:\n  {NOW}", "One moment:", BOTH[:1]),
    (f'{{"name": "Bob"}}\n{NOW}', '{"name": "Bob"}', BOTH[:1]),
    (f'Data:\n{{"name": "nowhere"}}\nand\n[{TAG}]', 'Data:\n{"name": "nowhere"}\nand', BOTH[1:]),
]

TEXTS = [  # each is content, character for character
    "",
    "plain\n\n",
    "\n\n  indented",
    "1 < 2 {",
    '{"name": "Bob"}',
    '{"name": "nowhere", "arguments": {}}',
    '{"names": ["now"]}',
    '[{"name": "Alice"}, {"name": "now"}]',
    "```json\n{",
    "```json\n[1, 2]\n```",
    "```python\nprint('{}')\n```",
    f"In the middle of a line: {NOW}",
    "{{name}}",
    "a\n" * 30 + "\n \t\n" * 30 + "{",
    "Voilà — 🌍",
    "<think>",
    "Models write <think> and </think> around thoughts.",
]


@pytest.mark.parametrize("dialect", DIALECTS, ids=[dialect.name for dialect in DIALECTS])
def test_a_slip_is_a_call_in_every_dialect(dialect: Dialect) -> None:
    auto = matcher(grammar.build(dialect, Rules(TOOLS), {}))
    for text, content, made in SLIPS:
        state = auto.deep_copy()
        assert state.try_consume_tokens(list(text.encode())) == len(text.encode()), text
        assert state.is_accepting(), text
        for chunks in ([text], list(text)):
            reply = read(dialect, chunks)
            assert (reply.text, calls(reply)) == (content, made), text


@few
@pytest.mark.parametrize(("text", "content", "want"), SLIPS)
def test_a_loose_call_to_a_known_tool_is_a_call(dialect: Dialect, text: str, content: str, want: object) -> None:
    assert accepts(grammar.build(dialect, Rules(TOOLS), {}), text)
    for chunks in cuts(text):
        reply = read(dialect, chunks)
        assert (reply.text, calls(reply)) == (content, want), chunks


@few
@pytest.mark.parametrize("text", TEXTS)
def test_what_only_looks_like_a_call_is_released_unchanged(dialect: Dialect, text: str) -> None:
    assert accepts(grammar.build(dialect, Rules(TOOLS), {}), text)
    for chunks in cuts(text):
        reply = read(dialect, chunks)
        assert (reply.text, reply.reasoning, reply.calls) == (text, "", []), chunks
        if not text.strip().startswith("<think>"):
            assert key(read(dialect, chunks, Reading(NAMES, thought="may"))) == (text, "", []), chunks


@few
@pytest.mark.parametrize("lead", ["", "Well.\n", "```json\n[", '{"name": "Bob"}\n', "["])
def test_arguments_are_enforced_from_the_moment_a_loose_call_is_recognisable(dialect: Dialect, lead: str) -> None:
    text = grammar.build(dialect, Rules(TOOLS), {})
    assert begins(text, lead + '{"name": "tag", "arguments": {"names": ["a"')
    assert begins(text, lead + '{"name": "tags"')
    for wrong in ("}", ', "argument"', ', "arguments": []', ', "arguments": {"nam"', ', "arguments": {"names": 5'):
        assert not begins(text, lead + '{"name": "tag"' + wrong + " "), wrong
    assert not begins(text, lead + '{"name": "now", "arguments": {}} }} and text')


@few
def test_one_loose_call_only_where_parallel_calls_are_off(dialect: Dialect) -> None:
    text = grammar.build(dialect, Rules(TOOLS, parallel=False), {})
    for single in (NOW, f"[{NOW}]", f"```json\n{NOW}\n```"):
        assert accepts(text, single)
    for several in (f"{NOW}\n{TAG}", f"[{NOW}, {TAG}]", f"```json\n{NOW}\n```\n```json\n{TAG}\n```"):
        assert not accepts(text, several)


@few
@pytest.mark.parametrize(("text", "content"), [("<tool_ca", "<tool_ca"), ('{"name": "no', '{"name": "no')])
def test_partial_marker_lookalike_is_released(dialect: Dialect, text: str, content: str) -> None:
    for chunks in cuts(text):
        assert read(dialect, chunks).text == content


@few
@pytest.mark.parametrize(
    ("text", "content", "arguments"),
    [  # free output, as no grammar would allow it: nothing raises, nothing is lost
        ('{"name": "now"}', '{"name": "now"}', []),
        ('{"name": "now", "args": {}}', '{"name": "now", "args": {}}', []),
        ('{"name": "now", "arguments": "{}"}', '{"name": "now", "arguments": "{}"}', []),
        (NOW[:-1] + ', "id": 3}', ', "id": 3}', ["{}"]),
        (f"[{NOW} oops", " oops", ["{}"]),
        (f"[{NOW}, {{", "", ["{}"]),
        (f"[{NOW}, 5]", ", 5]", ["{}"]),
        (f"{NOW} and text\n{NOW}", " and text", ["{}", "{}"]),
        ('{"name": "now", "arguments"', '{"name": "now", "arguments"', []),
        ('{"name": "now", "arguments": {"a', "", ['{"a']),
    ],
)
def test_free_output_is_read_as_far_as_it_goes(dialect: Dialect, text: str, content: str, arguments: list[str]) -> None:
    whole = read(dialect, [text])
    assert (whole.text, [call.arguments for call in whole.calls]) == (content, arguments)
    assert all(key(read(dialect, chunks)) == key(whole) for chunks in cuts(text))


@few
@pytest.mark.parametrize("text", ["<", " <thi", "<think"])
def test_the_beginning_of_a_thoughts_mark_is_text(dialect: Dialect, text: str) -> None:
    for chunks in cuts(text):
        assert key(read(dialect, chunks, Reading(NAMES, thought="may"))) == (text, "", [])


@few
def test_a_thought_that_is_cut_off_stays_a_thought(dialect: Dialect) -> None:
    for chunks in cuts(f"{dialect.reasoning[0]}so {{"):
        assert key(read(dialect, chunks, Reading(NAMES, thought="may"))) == ("", "so {", [])


@few
def test_without_tools_everything_is_text(dialect: Dialect) -> None:
    for text in (NOW, f"```json\n[{NOW}]\n```", "<tool_call>\n" + NOW + "\n</tool_call>"):
        for chunks in cuts(text):
            assert key(read(dialect, chunks, Reading())) == (text, "", [])


@few
def test_the_longer_of_two_names_is_not_cut_short(dialect: Dialect) -> None:
    for chunks in cuts('{"name": "now_and_then", "arguments": {}}'):
        reply = read(dialect, chunks, Reading({**NAMES, "now_and_then": {}}))
        assert calls(reply) == [("now_and_then", {})]


def test_a_model_that_writes_its_own_fence_to_the_letter_is_held_to_it() -> None:
    """Free text may lead to other ways to write the same call; once the own one has begun, they are none any more."""
    state = matcher(grammar.build(find("fallback"), Rules(TOOLS), {}))
    assert state.try_consume_tokens(begun := list(b'Yes.\n```json\n[\n{"name": "now"')) == len(begun)
    assert state.compute_ff_bytes() == b', "arguments": {}}'
    assert state.try_consume_tokens(rest := list(b', "arguments": {}}\n]')) == len(rest)
    assert state.compute_ff_bytes() == b"\n```"
    assert state.try_consume_tokens(list(b"\n```")) == len(b"\n```")
    assert state.is_stopped()
