"""Arguments as one JSON object: in one line, or over several as some families write them."""

from __future__ import annotations

import json

import pytest
from replies import NAMES, WEATHER
from vocabulary import accepts, cuts

from cortex.core.arguments.json import Json
from cortex.core.events import CallDelta, Event
from cortex.core.lark import Lark
from cortex.core.scan import Mismatch, NeedText, Scanner

GIVEN = {"city": "Łódź", "days": 2}


def grammar(arguments: Json) -> str:
    out = Lark({})
    out.rule(arguments.lark(out, NAMES[WEATHER.name], lenient=False), "start")
    return str(out)


def read(chunks: list[str]) -> str:
    scan = Scanner()
    steps = Json().read(scan, {}, "", lambda text: CallDelta(0, text))
    events: list[Event] = []
    for chunk in (*chunks, None):
        scan.text, scan.ended = scan.text + (chunk or ""), chunk is None
        for step in steps:
            if isinstance(step, NeedText):
                break
            events.append(step)
    return "".join(event.json for event in events if isinstance(event, CallDelta))


def test_lines_are_indented_by_the_margin() -> None:
    text = Json(indent=2, margin=4).write(GIVEN)
    assert text == '{\n      "city": "Łódź",\n      "days": 2\n    }'
    assert accepts(grammar(Json(indent=2, margin=4)), text)
    assert not accepts(grammar(Json()), text)


def test_one_line_is_accepted_either_way() -> None:
    text = Json().write(GIVEN)
    assert text == '{"city": "Łódź", "days": 2}'
    assert accepts(grammar(Json()), text)
    assert accepts(grammar(Json(indent=2)), text)
    assert not accepts(grammar(Json(indent=2)), '{"city": "Łódź"}')


def test_arguments_that_are_no_object_are_written_as_they_are() -> None:
    assert Json(indent=2).write("{'city'") == "{'city'"


def test_all_that_a_schema_says_is_enforced() -> None:
    assert Json().gaps(NAMES[WEATHER.name]) == ()


@pytest.mark.parametrize("text", [" {}", '{ "a": {"b": "}"}}', '{\n"a": 1}'])
def test_an_object_is_passed_on_as_it_comes(text: str) -> None:
    assert all(json.loads(read(list(chunks))) == json.loads(text) for chunks in cuts(text))


@pytest.mark.parametrize("text", ["[]", '"{}"', "{none}", "{'a': 1}", "{ 1"])
def test_what_begins_as_no_object_is_no_arguments(text: str) -> None:
    for chunks in cuts(text):
        with pytest.raises(Mismatch):
            read(list(chunks))
