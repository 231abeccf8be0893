"""Hunyuan A13B: an answer stands in marks as a thought does.

    <think>
    ...
    </think>
    <answer>
    <tool_calls>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</tool_calls>
    </answer>

Source: the chat template of tencent/Hunyuan-A13B-Instruct.
"""

from cortex.core.dialect import Dialect, Notation, Span

DIALECT = Dialect(
    name="hunyuan-a13b",
    notation=Notation(
        begin="<tool_calls>[",
        call='{"name": "«name»", "arguments": «arguments»}',
        separator=", ",
        end="]</tool_calls>",
    ),
    text=(Span("<answer>", "</answer>"),),
    detect=("<tool_calls>[", "<|extra_0|>"),
)
