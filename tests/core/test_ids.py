"""Ids of calls as templates want to see them: the same in every turn, and different for different calls."""

from __future__ import annotations

import re

import pytest

from cortex.core.ids import AS_IT_IS, NINE, Ids

KIMI = Ids(pattern="functions.«name»:«index»")
RUNNING = Ids(pattern="«index»")
CALLS = [("call_a", "weather"), ("call_b", "now"), ("", "now"), ("call_0123456789xyz", "my-tool.v2")]


def test_ids_stay_as_they_are_unless_a_family_wants_others() -> None:
    assert AS_IT_IS.shown(CALLS) == ("call_a", "call_b", "", "call_0123456789xyz")
    assert AS_IT_IS.stray("x") == "x"
    assert re.fullmatch(AS_IT_IS.regex, "call_a-1")


def test_patterns_count_all_calls_of_the_conversation() -> None:
    shown = ("functions.weather:0", "functions.now:1", "functions.now:2", "functions.my-tool.v2:3")
    assert KIMI.shown(CALLS) == shown
    assert RUNNING.shown(CALLS) == ("0", "1", "2", "3")
    assert KIMI.stray("x") == "x"


@pytest.mark.parametrize("ids", [KIMI, RUNNING, NINE])
def test_what_is_shown_is_what_the_model_may_write(ids: Ids) -> None:
    assert all(re.fullmatch(ids.regex, shown) for shown in ids.shown(CALLS))
    assert not re.fullmatch(ids.regex, "call_?")


def test_ids_of_nine_end_as_the_clients_where_those_are_long_enough() -> None:
    shown = NINE.shown(CALLS)
    assert shown[3] == "3456789xyz"[-9:]
    assert len(set(shown)) == len(CALLS)
    assert NINE.stray("call_0123456789xyz") == shown[3]
    assert NINE.stray("call_a") == shown[0]


def test_ids_of_nine_are_distinct_and_never_change_when_calls_follow() -> None:
    twice = [("same_same_1", "f"), ("same_same_1", "f"), ("other_same_same_1", "f"), ("\ud800", "f")]
    assert len(set(NINE.shown(twice))) == 4
    assert all(NINE.shown(twice[:count]) == NINE.shown(twice)[:count] for count in range(5))


@pytest.mark.parametrize(
    ("ids", "text", "found"),
    [
        (KIMI, "functions.weather:3", ("weather", 3)),
        (KIMI, "functions.a.b-c:12", ("a.b-c", 12)),
        (KIMI, "functionsXweather:3", None),
        (KIMI, "weather", None),
        (RUNNING, "7", ("", 7)),
        (Ids(pattern="call_«name»"), "call_f", ("f", -1)),
        (NINE, "abcdefghi", None),
    ],
)
def test_an_id_that_the_model_wrote_is_read_back(ids: Ids, text: str, found: tuple[str, int] | None) -> None:
    assert ids.read(text) == found
