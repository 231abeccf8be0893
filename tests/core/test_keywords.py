"""Calls as in code, whole: what is particular to keys."""

from __future__ import annotations

import pytest
from replies import calls, read
from vocabulary import accepts, cuts

from cortex.core import grammar
from cortex.core.chat import Tool
from cortex.core.parse import Reading
from cortex.core.rules import Rules
from cortex.core.schema import arguments
from cortex.dialects import find


@pytest.mark.parametrize("name", ["llama-pythonic", "lfm2", "olmo3", "gemma4"])
def test_a_key_that_begins_as_a_value_does_is_a_key(name: str) -> None:
    tool = Tool("f", parameters={"properties": {"3d": {"type": "integer"}, "-x": {"type": "string"}}})
    text = find(name).write([("f", {"3d": 5, "-x": "a"})])
    assert accepts(grammar.build(find(name), Rules((tool,), must=True), {}), text)
    for chunks in cuts(text):
        reply = read(find(name), chunks, Reading({"f": arguments(tool)}, must=True))
        assert calls(reply) == [("f", {"3d": 5, "-x": "a"})]
