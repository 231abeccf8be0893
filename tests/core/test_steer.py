"""Effort and verbosity reach the templates that know them, and the client hears of it where they do not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from templates import NATIVE, PLAIN

from cortex.core.chat import Chat, User
from cortex.core.errors import BadRequest
from cortex.core.plan import plan
from cortex.core.profile import Profile
from cortex.core.steer import steered
from cortex.dialects import find

SWITCH = PLAIN + "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>{% endif %}"
WAITING = PLAIN + "{% if thinking %}<think>{% endif %}"
LEVEL = "Effort: {{ reasoning_effort or 'medium' }}" + PLAIN
HIGH = "{% if reasoning_effort == 'high' %}Think hard.{% endif %}" + PLAIN
PICKY = (
    "{% if reasoning_effort is defined and reasoning_effort not in ('low', 'high') %}"
    "{{ raise_exception('only low or high') }}{% endif %}{{ reasoning_effort }}" + PLAIN
)
WORDY = (
    "{% if reasoning_effort is defined and reasoning_effort not in ('no_think', 'high') %}"
    "{{ raise_exception('no_think or high') }}{% endif %}{{ reasoning_effort }}" + PLAIN
)
BOTH = PICKY + "{% if enable_thinking is defined and not enable_thinking %}</think>{% endif %}"
CLOSED = "{{ raise_exception('never') }}{{ reasoning_effort }}"
TALKATIVE = NATIVE + "{{ verbosity }}"


@pytest.mark.parametrize(
    ("template", "effort", "given", "known"),
    [
        (PLAIN, "high", {}, False),
        (PLAIN, "none", {}, False),
        (PLAIN, "medium", {}, True),
        (SWITCH, "none", {"enable_thinking": False}, True),
        (SWITCH, "high", {"enable_thinking": True}, False),
        (WAITING, "none", {"thinking": False}, True),
        (WAITING, "low", {"thinking": True}, True),
        (LEVEL, "low", {"reasoning_effort": "low"}, True),
        (LEVEL, "medium", {"reasoning_effort": "medium"}, True),
        (HIGH, "high", {"reasoning_effort": "high"}, True),
        (HIGH, "low", {"reasoning_effort": "low"}, False),
        (PICKY, "low", {"reasoning_effort": "low"}, True),
        (PICKY, "medium", {}, True),
        (WORDY, "none", {"reasoning_effort": "no_think"}, True),
        (BOTH, "none", {"enable_thinking": False}, True),
        (CLOSED, "high", {"reasoning_effort": "high"}, False),
    ],
)
def test_effort_is_told_as_the_template_knows_it(
    template: str, effort: str, given: dict[str, Any], known: bool
) -> None:
    chat, warnings = steered(Chat((), effort=effort), template)
    assert chat.template_args == given
    assert [warning.split()[0] for warning in warnings] == ([] if known else ["reasoning_effort"])


def test_an_effort_that_the_template_refuses_is_a_mistake_of_the_request() -> None:
    with pytest.raises(BadRequest, match="only low or high") as caught:
        steered(Chat((), effort="max"), PICKY)
    assert caught.value.param == "reasoning_effort"


@pytest.mark.parametrize(
    ("template", "verbosity", "given", "known"),
    [
        (PLAIN, "low", {}, False),
        (PLAIN, "medium", {}, True),
        (PLAIN, "", {}, True),
        (TALKATIVE, "low", {"verbosity": "low"}, True),
        (TALKATIVE, "medium", {"verbosity": "medium"}, True),
    ],
)
def test_verbosity_is_told_where_the_template_asks(
    template: str, verbosity: str, given: dict[str, Any], known: bool
) -> None:
    chat, warnings = steered(Chat((), verbosity=verbosity), template)
    assert chat.template_args == given
    assert [warning.split()[0] for warning in warnings] == ([] if known else ["verbosity"])


def test_what_the_client_gives_the_template_itself_wins() -> None:
    chat, warnings = steered(Chat((), effort="low", template_args={"reasoning_effort": "high", "a": 1}), LEVEL)
    assert chat.template_args == {"reasoning_effort": "high", "a": 1}
    assert warnings == ()


def test_the_prompt_shows_the_effort_and_the_plan_the_warning() -> None:
    def planned(template: str) -> Any:
        return plan(Chat((User("Hi"),), effort="low"), Profile("m", template, find("hermes"), {}), datetime(2026, 1, 1))

    told, deaf = planned(LEVEL), planned(PLAIN)
    assert "Effort: low" in "".join(segment.text for segment in told.job.prompt)
    assert (told.warnings, len(deaf.warnings)) == ((), 1)


def test_no_effort_closes_the_thought() -> None:
    chat = Chat((User("Hi"),), effort="none")
    made = plan(chat, Profile("m", SWITCH, find("hermes"), {}), datetime(2026, 1, 1))
    assert "".join(segment.text for segment in made.job.prompt).endswith("</think>")
