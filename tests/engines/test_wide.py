"""Objects with thousands of optional properties, in every way to write them: the engine follows their grammar."""

from __future__ import annotations

import pytest

from cortex.core import grammar
from cortex.core.chat import Tool
from cortex.core.rules import Rules
from cortex.core.schema import arguments
from cortex.dialects import find
from cortex.engines.constraint import Grammars, byte_tokenizer

MANY = 3000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hermes", "command-r-plus", "qwen3-coder", "deepseek-v4", "lfm2", "minimax-m3"])
def test_a_tool_with_thousands_of_optional_properties_can_be_called(name: str) -> None:
    """The process once ended: each property was a rule within the one before it, and the engine's stack overflowed.
    Of fewer, the engine's parser held no more than some hundreds."""
    properties = {f"p{number}": {"type": "string"} for number in range(MANY)}
    schema = arguments(Tool("wide", parameters={"type": "object", "properties": properties}))
    made = grammar.build(find(name), Rules((Tool("wide", parameters=schema),), must=True, parallel=False), {})
    constraint = Grammars(byte_tokenizer()).compile(made)
    for byte in find(name).write([("wide", {"p7": "a", "p1500": "b", f"p{MANY - 1}": "c"})]).encode():
        constraint.consume(byte)
    assert constraint.accepting
