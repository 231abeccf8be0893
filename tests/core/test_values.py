"""Schemas, events, stop strings and dialects: the small pieces."""

from __future__ import annotations

import pytest
from vocabulary import accepts, cuts

from cortex.core import grammar
from cortex.core.chat import Tool
from cortex.core.drawing import fill
from cortex.core.errors import BadRequest, Busy, CortexError, Crowded, LoadError, NoRoom, NotFound, TooLong
from cortex.core.events import CallBegin, CallDelta, CallEnd, Done, Echo, Reasoning, Text, Tokens, fold
from cortex.core.job import Chosen, Logprob, Usage
from cortex.core.lark import Lark
from cortex.core.schema import arguments
from cortex.core.stop import Stop
from cortex.dialects import find, names

A = {"type": "string"}


@pytest.mark.parametrize(
    ("parameters", "valid", "invalid"),
    [
        ({}, ["{}"], ['{"a": 1}', "[]", ""]),
        ({"type": "object"}, ["{}"], ['{"a": 1}']),
        ({"type": "object", "additionalProperties": True}, ["{}", '{"a": 1}'], ["[]"]),
        ({"properties": {"a": A}}, ["{}", '{"a": "x"}'], ['{"b": 1}', '{"a": 1}']),
        ({"properties": {"a": A}, "additionalProperties": True}, ['{"a": "x", "b": 1}'], ['{"a": 1}']),
        (
            {"properties": {"a": {"type": "array", "items": {"type": "object", "properties": {"b": A}}}}},
            ['{"a": [{"b": "x"}, {}]}'],
            ['{"a": [{"c": 1}]}'],
        ),
        (
            {"properties": {"a": {"$ref": "#/$defs/t"}}, "$defs": {"t": {"type": "integer"}}},
            ['{"a": 1}'],
            ['{"a": "x"}'],
        ),
        ({"properties": {"a": {"anyOf": [A, {"type": "null"}]}}}, ['{"a": null}', '{"a": "x"}'], ['{"a": 1}']),
        (
            {"allOf": [{"properties": {"a": A}, "required": ["a"]}, {"properties": {"b": A}, "required": ["b"]}]},
            ['{"a": "x", "b": "y"}'],
            ['{"a": "x"}'],
        ),
        ({"properties": {"a": True}}, ['{"a": [1]}'], ['{"b": 1}']),
        ({"properties": {"a": {"prefixItems": [A, {"properties": {"b": A}}], "type": "array"}}}, ['{"a": ["x"]}'], []),
        ({"properties": {"a": {"const": {"properties": {"b": 1}}}}}, ['{"a": {"properties": {"b": 1}}}'], ['{"a": 1}']),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_a_tools_schema_is_enforced(
    parameters: dict[str, object], valid: list[str], invalid: list[str], strict: bool
) -> None:
    text = grammar.check(arguments(Tool("t", parameters=parameters)), strict=strict)
    for value in valid:
        assert accepts(text, value), value
    for value in invalid:
        assert not accepts(text, value), value


def test_tokens_of_the_prompt_and_of_the_reply_are_kept_apart() -> None:
    said = Chosen(Logprob(b"x", -1.0))
    reply = fold([Echo((b"a",)), Echo((said,)), Tokens((said,)), Text("x"), Done("stop", Usage())])
    assert (reply.echoed, reply.tokens) == ([b"a", said], [said])


def test_a_reply_is_the_fold_of_its_events() -> None:
    begun = [Reasoning("so"), Text("a"), Text("b"), CallBegin(0, "call_1", "f"), CallDelta(0, "{"), CallDelta(0, "}")]
    usage = Usage(1, 2)
    reply = fold([*begun, CallEnd(0), Done("stop", usage)])
    assert (reply.reasoning, reply.text, reply.usage, reply.finish_reason) == ("so", "ab", usage, "tool_calls")
    assert (reply.calls[0].id, reply.calls[0].name, reply.calls[0].arguments) == ("call_1", "f", "{}")
    assert fold([*begun, CallEnd(0), Done("length", usage)]).finish_reason == "length"
    assert fold([*begun, Done("stop", usage)]).finish_reason == "stop"
    assert fold([Text("a"), Done("stop", usage)]).finish_reason == "stop"


@pytest.mark.parametrize(
    ("strings", "text", "want", "hit"),
    [
        (("END",), "abc END def", "abc ", True),
        (("END",), "abc EN", "abc EN", False),
        (("b", "a"), "xab", "x", True),
        ((), "abc", "abc", False),
        (("",), "abc", "abc", False),
        (("aab",), "aaab", "a", True),
    ],
)
def test_stop_strings_end_the_text_at_every_cut(strings: tuple[str, ...], text: str, want: str, hit: bool) -> None:
    for chunks in cuts(text):
        stop = Stop(strings)
        events = [*(event for chunk in chunks for event in stop.feed([Text(chunk)])), *stop.flush()]
        assert (fold(events).text, stop.hit) == (want, hit), chunks


def test_stop_strings_do_not_cut_calls_or_thoughts() -> None:
    stop = Stop(("END", "{"))
    call = [CallBegin(0, "call_1", "f"), CallDelta(0, '{"a": "END"}'), CallEnd(0)]
    events = [Reasoning("END"), Text("E"), *call, Text("aEND"), Text("b")]
    assert [*stop.feed(events), *stop.flush()] == [Reasoning("END"), Text("E"), *call, Text("a")]


def test_a_notation_begins_with_what_its_calls_begin_with() -> None:
    assert find("functionary-v3.2").notation.opening == ""
    assert find("hermes").notation.opening == '{"name": "'


def test_holes_are_filled_once() -> None:
    assert fill("«name»: «arguments»", {"name": "«arguments»", "arguments": "x"}) == "«arguments»: x"


def test_literals_with_special_tokens_are_written_as_tokens() -> None:
    out = Lark({"<a>": 7, "<ab>": 8})
    assert out.text('x<ab>"<a>') == r'"x" <[8]> "\"" <[7]>'
    assert out.until("\n<a>z").endswith('<[7]> "z"')
    assert out.rule("x") == out.rule("x")


def test_errors_know_whose_fault_they_are() -> None:
    assert (BadRequest("m", param="p").status, BadRequest("m").param) == (400, None)
    assert isinstance(TooLong("m"), BadRequest)
    assert CortexError("m", code="mine").code == "mine"


def test_errors_know_whether_a_later_try_may_succeed() -> None:
    assert all(error.again for error in (Busy, Crowded, NoRoom))
    assert not any(error.again for error in (LoadError, BadRequest))


def test_dialects_are_found_by_name() -> None:
    assert {"hermes", "fallback"} <= set(names())
    with pytest.raises(NotFound, match="fallback"):
        find("nope")
