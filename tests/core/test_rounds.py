"""When a reply goes round in circles, and when it only says something twice."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from cortex.core.events import CallBegin, CallDelta, CallEnd, Event, Text
from cortex.core.rounds import Rounds


def calls(*said: tuple[str, str]) -> list[Event]:
    return [event for index, (name, arguments) in enumerate(said) for event in call(index, name, arguments)]


def call(index: int, name: str, arguments: str) -> list[Event]:
    deltas = (CallDelta(index, arguments[:3]), CallDelta(index, arguments[3:]))
    return [CallBegin(index, f"call_{index}", name), *deltas, CallEnd(index)]


def whole(events: Iterable[Event]) -> int:
    return sum(isinstance(event, CallEnd) for event in events)


ROLL, ALIKE = ("roll", '{"sides": 6, "n": 1}'), ("roll", '{"n":1,"sides":6}')
DEEP = ("roll", '{"dice": ' + "[" * 5000 + "]" * 5000 + "}")
OTHER, BROKEN = ("roll", '{"sides": 20, "n": 1}'), ("roll", '{"sides": 6')


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([ROLL] * 3, 3),
        ([ROLL] * 9, 4),
        ([ROLL, ALIKE, ROLL, ALIKE, ROLL], 4),
        ([OTHER, ROLL, ROLL, ROLL, ROLL, ROLL], 5),
        ([ROLL, ROLL, ROLL, OTHER, ROLL, ROLL, ROLL], 7),
        ([ROLL, OTHER] * 9, 8),
        ([ROLL, OTHER, ("stop", "{}")] * 9, 12),
        ([BROKEN] * 9, 4),
        ([DEEP] * 9, 4),
        ([("a", "{}"), ("b", "{}"), ("c", "{}"), ("d", "{}")] * 3, 12),
        ([("count", f'{{"n": {n}}}') for n in range(40)], 40),
    ],
)
def test_what_has_come_four_times_over_ends_the_reply(said: list[tuple[str, str]], told: int) -> None:
    rounds = Rounds()
    events = [*rounds.feed(calls(*said))]
    assert whole(events) == told
    assert rounds.hit == (told < len(said))
    assert events == calls(*said)[: 4 * told], "nothing is changed, and no call is left open"


def test_words_between_equal_calls_are_no_difference() -> None:
    rounds = Rounds()
    events = [event for _ in range(9) for event in (Text("Again:"), *calls(ROLL))]
    assert whole(rounds.feed(events)) == 4
    assert [*rounds.feed([Text("more")])] == []


def test_a_reply_that_is_to_go_on_goes_on() -> None:
    rounds = Rounds(endless=True)
    assert whole(rounds.feed(calls(*[ROLL] * 9))) == 9
    assert not rounds.hit
