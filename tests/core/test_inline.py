"""Thoughts inside the text, in their marks."""

from __future__ import annotations

from typing import Literal

import pytest

from cortex.core.events import CallBegin, CallEnd, Done, Event, Reasoning, Reply, Text, Tokens, fold
from cortex.core.inline import Inline
from cortex.core.job import Usage

STOP, CUT = Done("stop", Usage()), Done("length", Usage())
CALL: list[Event] = [CallBegin(0, "call_0", "f"), CallEnd(0)]
THOUGHT: list[Event] = [Reasoning("Hm"), Tokens(()), Reasoning(", yes.")]


def told(thoughts: Literal["apart", "inside", "both"], *events: Event) -> Reply:
    return fold(Inline(("<think>", "</think>"), thoughts).feed(events))


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ([Text("Yes."), STOP], "Yes."),
        ([*THOUGHT, Text("Y"), Text("es."), STOP], "<think>\nHm, yes.\n</think>\n\nYes."),
        ([*THOUGHT, *CALL, STOP], "<think>\nHm, yes.\n</think>"),
        ([*THOUGHT, STOP], "<think>\nHm, yes.\n</think>"),
        ([*THOUGHT, CUT], "<think>\nHm, yes."),
        ([*CALL, *THOUGHT, Text("Yes."), STOP], "<think>\nHm, yes.\n</think>\n\nYes."),
    ],
)
def test_a_thought_stands_in_the_text_in_its_marks(events: list[Event], text: str) -> None:
    inside, both = told("inside", *events), told("both", *events)
    assert (inside.text, inside.reasoning) == (text, "")
    assert (both.text, both.reasoning) == (text, "Hm, yes." if events != [Text("Yes."), STOP] else "")
    assert inside.calls == both.calls == fold(events).calls


def test_apart_changes_nothing() -> None:
    events = [*THOUGHT, Text("Yes."), *CALL, STOP]
    assert list(Inline(("", ""), "apart").feed(events)) == events
