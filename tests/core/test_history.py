"""Conversations told: which result belongs to which call, and what was thought."""

from __future__ import annotations

from cortex.core.chat import Assistant, ToolCall, ToolResult, User
from cortex.core.history import STRAY, apart, marks, tell
from cortex.core.ids import AS_IT_IS, NINE, Ids
from cortex.dialects import find

A, B = ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}")


def told(*messages: Assistant | ToolResult | User, ids: Ids = AS_IT_IS) -> list[tuple[str, str, str]]:
    return [(one["content"], one["name"], one["tool_call_id"]) for one in tell(messages, ids, None) if "name" in one]


def test_results_stand_in_the_order_of_their_calls_and_bear_their_names() -> None:
    results = (ToolResult("lost", "?"), ToolResult("of b", "b"), ToolResult("of a", "a"))
    assert told(Assistant("", (A, B)), *results) == [("of a", "f", "a"), ("of b", "g", "b"), ("lost", "function", "?")]


def test_a_result_that_answers_no_call_is_marked_as_such() -> None:
    [stray] = tell((ToolResult("lost", "?"),), AS_IT_IS, None)
    assert stray[STRAY]


def test_an_id_that_is_used_again_means_the_last_call_that_bears_it() -> None:
    again = ToolCall("a", "g", "{}")
    talk = (Assistant("", (A,)), ToolResult("1", "a"), Assistant("", (again,)), ToolResult("2", "a"))
    assert told(*talk, ids=Ids("«name»:«index»")) == [("1", "f", "f:0"), ("2", "g", "g:1")]


def test_calls_of_one_message_with_one_id_are_answered_in_their_order() -> None:
    talk = (Assistant("", (A, ToolCall("a", "g", "{}"))), ToolResult("1", "a"), ToolResult("2", "a"))
    assert [name for _, name, _ in told(*talk)] == ["f", "g"]
    calls = tell(talk, NINE, None)[0]["tool_calls"]
    assert [call["id"] for call in calls] == [id for _, _, id in told(*talk, ids=NINE)]


def test_a_thought_is_cut_off_where_it_was_closed() -> None:
    assert apart("<think>a</think>\n\nb", ("<think>", "</think>")) == ("a", "b")
    assert apart("<think>a", ("<think>", "</think>")) == ("", "<think>a")
    assert apart("b <think>a</think>", ("<think>", "</think>")) == ("", "b <think>a</think>")
    assert apart("<think>a</think>", None) == ("", "<think>a</think>")


def test_marks_of_thoughts_count_where_the_template_looks_for_them() -> None:
    assert marks(find("hermes"), "{{ content.split('</think>') }}") == ("<think>", "</think>")
    assert marks(find("hermes"), '{{ content.split("</think>\\n\\n") }}') == ("<think>", "</think>")
    assert marks(find("hermes"), "<think></think>") is None
