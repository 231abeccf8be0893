"""Models that slip into another family's notation: a call to a known tool is one, in every dialect; else it is text."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import pytest
from llguidance import LLMatcher
from replies import NAMES, ONE, TOOLS, calls, key, read
from vocabulary import Marked, accepts, cuts, matcher

from cortex.core import grammar
from cortex.core.dialect import Dialect, announced
from cortex.core.loose import Fence
from cortex.core.parse import Reading
from cortex.core.rules import Rules
from cortex.dialects import find, names

NOW = '{"name": "now", "arguments": {}}'
TAG = '{"name": "tag", "arguments": {"names": ["{[\\"}"]}}'
BOTH = [("now", {}), ("tag", {"names": ['{["}']})]
FENCES = [slip for slip in find("hermes").slips if isinstance(slip, Fence)]
FREE = Reading(NAMES, free=True)

LOOKALIKES = (
    "The tag {} opens a call, {}.",
    '{}{{"name": "Bob"}}',
    '{}\n[{{"name": "nowhere", "arguments": {{}}}}]',
    "{}{{",
    "{}\n```json\n[1]\n```",
    "{}\n<function=nowhere>{{}}",
)

every = pytest.mark.parametrize("dialect", [pytest.param(find(name), id=name) for name in names()])
few = pytest.mark.parametrize("name", ["hermes", "llama3-json", "fallback", "harmony", "functionary-v3.2", "glm-4.5"])


def own(dialect: Dialect) -> tuple[str, ...]:
    return tuple(announced(dialect.notations))


def foreign(dialect: Dialect) -> list[Fence]:
    """Some of other families' marks, which are none of the dialect's own: others for each dialect, to save time."""
    mine, first = own(dialect), names().index(dialect.name)
    every = [each for each in FENCES if not any(each.open in mark or mark in each.open for mark in mine)]
    return every[first % 4 :: 4]


def functions(dialect: Dialect, text: str) -> bool:
    """Whether the text has a mark of the dialect's own, after which the grammar knows what has to come."""
    return "<function=" in text and "<function=".startswith(own(dialect))


@lru_cache(maxsize=2)
def auto(name: str) -> LLMatcher:
    return matcher(grammar.build(find(name), Rules(TOOLS), {}))


def fits(dialect: Dialect, text: str, *, whole: bool = True) -> bool:
    """Whether the text is a reply, or begins one, where calls may come."""
    state, fed = auto(dialect.name).deep_copy(), text.encode()
    return state.try_consume_tokens(list(fed)) == len(fed) and (not whole or state.is_accepting())


def slipped(fence: Fence) -> list[tuple[str, str, object]]:
    """Replies, their text, and their calls."""
    return [
        (f"{fence.open}{NOW}{fence.close}", "", BOTH[:1]),
        (f"{fence.open}\n[{NOW}, {TAG}]\n{fence.close}\n", "", BOTH),
        (f"{fence.open}\n{NOW.replace('arguments', 'parameters')}", "", BOTH[:1]),
        (f"I see.{fence.open}{NOW}{fence.close}\n{fence.open}{TAG}{fence.close}", "I see.", BOTH),
        (f"{fence.open}\n<function=now>{{}}</function>\n{fence.close}", "", BOTH[:1]),
    ]


def test_all_marks_of_calls_in_json_are_known() -> None:
    marks = {"<tool_call>", "<TOOLCALL>", "[TOOL_CALLS]", "<|python_tag|>", "<function_call>", "<|tool_call|>"}
    assert marks < {fence.open for fence in FENCES}
    assert next(fence.close for fence in FENCES if fence.open == "<tool_call>") == "</tool_call>"


@every
def test_a_call_in_json_behind_another_familys_mark_is_a_call(dialect: Dialect) -> None:
    for fence in foreign(dialect):
        for text, content, made in slipped(fence):
            assert fits(dialect, text.rstrip()) or functions(dialect, text), text
            for chunks in ([text], list(text)):
                reply = read(dialect, chunks)
                assert (reply.text, calls(reply)) == (content, made), chunks


@few
def test_a_slip_reads_the_same_at_every_cut(name: str) -> None:
    fence = Fence("<TOOLCALL>", "</TOOLCALL>")
    for text, content, made in slipped(fence):
        for chunks in cuts(text, 3):
            reply = read(find(name), chunks)
            assert (reply.text, calls(reply)) == (content, made), chunks
    for text in (each.format(fence.open, fence.close) for each in LOOKALIKES):
        assert all(key(read(find(name), chunks)) == (text, "", []) for chunks in cuts(text, 3)), text


@every
def test_a_call_as_llama_slips_into_it_is_a_call(dialect: Dialect) -> None:
    text = 'I see.\n<function=tag>{"names": ["a"]}</function>\n<function=now>{}</function>'
    assert fits(dialect, text) or functions(dialect, text)
    for chunks in ([text], list(text)):
        reply = read(dialect, chunks)
        assert (reply.text, calls(reply)) == ("I see.", [("tag", {"names": ["a"]}), ("now", {})]), chunks


@every
def test_arguments_are_enforced_behind_another_familys_mark(dialect: Dialect) -> None:
    wrong = ("}", ', "argument"', ', "arguments": []', ', "arguments": {"nam"', ', "arguments": {"names": 5')
    for fence in foreign(dialect):
        for lead in (fence.open, f"Well: {fence.open}\n[", f"{fence.open}[{NOW}, "):
            assert fits(dialect, f'{lead}{{"name": "tag", "arguments": {{"names": ["a"', whole=False)
            assert fits(dialect, f'{lead}{{"name": "tags"', whole=False) is (not lead.endswith(", "))
            assert not any(fits(dialect, f'{lead}{{"name": "tag"{rest} ', whole=False) for rest in wrong)
    for rest in ("<parameter", '{"nam"', '{"names": 5', "now"):
        assert not fits(dialect, f"Well: <function=tag>{rest} ", whole=False) or functions(dialect, "<function=")


@every
def test_what_only_looks_like_a_slip_is_released_unchanged(dialect: Dialect) -> None:
    for text, fence in product(LOOKALIKES, foreign(dialect)):
        shown = text.format(fence.open, fence.close)
        assert fits(dialect, shown) or functions(dialect, shown), shown
        for chunks in ([shown], list(shown)):
            assert key(read(dialect, chunks)) == (shown, "", []), chunks


@few
def test_a_mark_that_is_a_token_leads_to_calls(name: str) -> None:
    dialect, marked = find(name), Marked(("<TOOLCALL>", "</TOOLCALL>"))
    text = f"I see.<TOOLCALL>[{NOW}]</TOOLCALL>\n<TOOLCALL>{TAG}"
    assert accepts(grammar.build(dialect, Rules(TOOLS), marked.specials), text, marked)
    assert not accepts(grammar.build(dialect, Rules(TOOLS), marked.specials), "I see.<TOOLCALL> there.", marked)


@few
def test_a_mark_of_its_own_that_is_spelled_is_a_mark_too(name: str) -> None:
    dialect = find(name)
    marked = Marked.of(dialect)
    state = matcher(grammar.build(dialect, Rules(TOOLS), marked.specials), marked)
    wrong = dialect.write([("get_weather", {"city": "Oslo", "days": "three"})]).encode()
    assert state.try_consume_tokens(list(wrong)) <= wrong.index(b"three") + 1


@few
def test_one_slip_only_where_parallel_calls_are_off(name: str) -> None:
    text = grammar.build(find(name), Rules(TOOLS, parallel=False), {})
    assert accepts(text, f"<TOOLCALL>[{NOW}]</TOOLCALL>")
    assert accepts(text, "<function=now>{}</function>")
    for several in (f"<TOOLCALL>[{NOW}, {TAG}]", f"<TOOLCALL>{NOW}\n<TOOLCALL>{NOW}", "<function=now>{}" * 2):
        assert not accepts(text, several)


@few
def test_no_slip_where_calls_are_off(name: str) -> None:
    text = grammar.silent(find(name), Rules(TOOLS), {})
    assert accepts(text, "Write <TOOLCALL> and a list.")
    for slip in (f"So: <TOOLCALL>[{NOW}]", "So: <function=now>{}</function>"):
        assert not accepts(text, slip)


@few
def test_no_slip_counts_where_the_answer_may_be_json(name: str) -> None:
    for chunks in cuts(f"<TOOLCALL>[{NOW}]</TOOLCALL>"):
        assert read(find(name), chunks, Reading(NAMES, loose=False)).calls == []


# What no grammar held


@every
def test_the_own_mark_may_hold_json(dialect: Dialect) -> None:
    for fence in FENCES:
        if fence.open in own(dialect):
            for inner in (NOW, f"[{NOW}]", '{"parameters": {}, "name": "now"}', "<function=now>{}</function>"):
                text = f"{fence.open}\n{inner}\n{fence.close}"
                for chunks in ([text], list(text)):
                    assert calls(read(dialect, chunks, FREE)) == BOTH[:1], chunks


@few
def test_members_come_in_any_order_behind_another_familys_mark(name: str) -> None:
    text = '<TOOLCALL>[{"arguments": {}, "name": "now"}, {"parameters": {"names": []}, "name": "tag"}]</TOOLCALL>'
    for chunks in cuts(text, 3):
        assert calls(read(find(name), chunks, FREE)) == [("now", {}), ("tag", {"names": []})]


@few
def test_the_notation_of_any_other_family_is_read(name: str) -> None:
    for other in map(find, names()):
        if other.notation.marker and not other.text:
            text = other.write(ONE)
            for chunks in ([text], list(text)):
                assert calls(read(find(name), chunks, FREE)) == ONE, (other.name, text)


@few
def test_an_unknown_name_behind_another_familys_mark_is_text(name: str) -> None:
    for text in ('<TOOLCALL>[{"name": "nowhere", "arguments": {}}]</TOOLCALL>', "<function=nowhere>{}</function>"):
        for chunks in cuts(text, 3):
            assert key(read(find(name), chunks, FREE)) == (text, "", [])
