"""Pain points 1 to 4: what is asked for is called, and what is said of it is true (docs/pain-points.md)."""

from __future__ import annotations

from typing import Any

import pytest
from acting import Stage, called, takes, tool

LIGHT = tool("set_light", takes(room={"type": "string"}))
LAMP = tool("set_lamp", takes(room={"type": "string"}))
TOOLS = [LIGHT, LAMP]
NAMED: Any = {"type": "function", "function": {"name": "set_lamp"}}
ALLOWED: Any = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "set_lamp"}}]},
}
ROOM = {"room": "kitchen"}
THE_LIGHT, THE_LAMP = called(("set_light", ROOM)), called(("set_lamp", ROOM))


@pytest.mark.parametrize("choice", [NAMED, ALLOWED], ids=["named", "allowed"])
def test_a_named_tool_is_the_one_that_is_called(stage: Stage, choice: Any) -> None:
    """1, ggml-org/llama.cpp#26535: two tools that are easily confused, and the other one is wanted."""
    asked = {"tools": TOOLS, "tool_choice": choice}
    assert stage.says(THE_LAMP, **asked).whole == [("set_lamp", ROOM)]
    assert stage.cannot_say(THE_LIGHT, **asked)
    assert stage.cannot_say("I switch the lamp on.", **asked)


def test_a_name_that_no_tool_has_is_a_400_that_says_so(stage: Stage) -> None:
    """1, ggml-org/llama.cpp#28806."""
    nobody = {"type": "function", "function": {"name": "set_lamps"}}
    reply = stage.post(stage.playing("x"), tools=TOOLS, tool_choice=nobody)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "tool_choice")


def test_none_means_no_call_and_required_at_least_one(stage: Stage) -> None:
    """2, ollama/ollama#17921, #8421: a model that begs to call, and one that would rather talk."""
    assert stage.says("No, thanks.", tools=TOOLS, tool_choice="none").calls == []
    assert stage.cannot_say(THE_LAMP, tools=TOOLS, tool_choice="none")
    assert stage.cannot_say("I call: " + THE_LAMP, tools=TOOLS, tool_choice="none")
    assert stage.cannot_say("Hello!", tools=TOOLS, tool_choice="required")
    assert stage.says(THE_LAMP, tools=TOOLS, tool_choice="required").whole == [("set_lamp", ROOM)]


@pytest.mark.parametrize(
    ("reply", "choice", "calls"),
    [
        (THE_LAMP, "required", 1),
        (called(("set_lamp", ROOM), ("set_light", ROOM)), "required", 2),
        (THE_LAMP, NAMED, 1),
        (THE_LAMP, "auto", 1),
        ("Let me see. " + THE_LAMP, "auto", 1),
        ("I will not.", "auto", 0),
        ("I will not.", "none", 0),
    ],
)
def test_the_finish_reason_and_the_calls_agree(stage: Stage, reply: str, choice: Any, calls: int) -> None:
    """3, vllm-project/vllm#53363: prose, an empty list, and `tool_calls` as the reason."""
    made = stage.says(reply, tools=TOOLS, tool_choice=choice)
    assert (len(made.calls), made.finish) == (calls, "tool_calls" if calls else "stop")
    body = stage.post(stage.playing(reply), tools=TOOLS, tool_choice=choice).json()
    assert ("tool_calls" in body["choices"][0]["message"]) is bool(calls)  # absent, never an empty list


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        ("Both. " + called(("set_lamp", {"room": "ä\n"}), ("set_light", {"room": ""})), "auto"),
        (THE_LAMP, NAMED),
    ],
)
def test_a_reply_that_is_cut_off_anywhere_says_so(stage: Stage, reply: str, choice: Any) -> None:
    """4, vllm-project/vllm#53269, #58228: every max_tokens from 1 to the end, whole and streamed."""
    model = stage.model(reply)
    asked = {"tools": TOOLS, "tool_choice": choice}
    full = stage.ask(model, **asked)
    assert full.finish == "tool_calls"  # also for a named tool, where OpenAI says stop: docs/function-calling.md
    for most in range(1, len(reply.encode())):
        cut = stage.ask(model, max_tokens=most, **asked)
        assert cut.finish == "length"
        assert reply.startswith((cut.content or "").rstrip("�"))  # a mark that was begun may have been a word
        for (name, arguments), (whole_name, whole) in zip(cut.calls, full.calls, strict=False):
            assert name == whole_name
            assert whole.startswith(arguments.rstrip("�"))
    assert stage.ask(model, max_tokens=len(reply.encode()), **asked) == full
