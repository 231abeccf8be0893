"""What is particular to a dialect with markers."""

from __future__ import annotations

import pytest
from replies import NAMES, calls, key, read
from vocabulary import cuts

from cortex.core.parse import Reading
from cortex.dialects import find

HERMES = find("hermes")
NOW = '{"name": "now", "arguments": {}}'


@pytest.mark.parametrize(
    ("text", "content", "arguments"),
    [
        ("a <tool_call> b", "a <tool_call> b", []),
        ('<tool_call>\n{"name": "nowhere"}\n</tool_call>', '<tool_call>\n{"name": "nowhere"}\n</tool_call>', []),
        ("Use <tool_call>", "Use", []),
        (f"<tool_call>{NOW}</tool_call>", "", ["{}"]),
        (f"<tool_call>\n{NOW}", "", ["{}"]),
        (f"<tool_call>\n{NOW}\n</tool", "", ["{}"]),
        (f"<tool_call>\n{NOW}\n</tool_call>\n", "", ["{}"]),
        (f"<tool_call>\n{NOW}\n</tool_call>\n\nDone.", "\n\nDone.", ["{}"]),
        (f"<tool_call>\n{NOW}\n{NOW}\n</tool_call>", "", ["{}", "{}"]),
    ],
)
def test_free_output_with_markers(text: str, content: str, arguments: list[str]) -> None:
    for chunks in cuts(text):
        reply = read(HERMES, chunks)
        assert (reply.text, [call.arguments for call in reply.calls]) == (content, arguments), chunks


def test_markers_are_text_where_nothing_may_be_called() -> None:
    text = f"<tool_call>\n{NOW}\n</tool_call>"
    assert key(read(HERMES, [text], Reading())) == (text, "", [])


def test_required_replies_have_no_text_even_when_cut_off() -> None:
    for end in range(len(NOW)):
        assert read(HERMES, ["<tool_call>\n" + NOW[:end]], Reading(NAMES, must=True)).text == ""


@pytest.mark.parametrize("end", ["\n<", "\n<tool_", "<tool_call"])
def test_the_mark_of_a_second_call_that_was_cut_off_is_no_text(end: str) -> None:
    one = HERMES.write([("now", {})])
    for chunks in cuts(one + end, 2):
        held = read(HERMES, chunks)
        assert (held.text, calls(held)) == ("", [("now", {})])
        assert read(HERMES, chunks, Reading(NAMES, free=True)).text.strip() == end.strip()
