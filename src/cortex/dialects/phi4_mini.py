"""Phi 4 mini.

    <|tool_call|>[{"name": "get_weather", "arguments": {"city": "Rio"}}, {"name": "now", "arguments": {}}]<|/tool_call|>

Where it is told FireFunction's instructions, it follows them.
Source: the model card and the chat template of microsoft/Phi-4-mini-instruct.
"""

from cortex.core.dialect import Dialect, Notation
from cortex.dialects.functools import DIALECT as TOLD

DIALECT = Dialect(
    name="phi4-mini",
    notation=Notation(
        begin="<|tool_call|>[",
        call='{"name": "«name»", "arguments": «arguments»}',
        separator=", ",
        end="]<|/tool_call|>",
    ),
    also=(TOLD.notation,),
    detect=("<|tool|>", "<|/tool|>"),
)
