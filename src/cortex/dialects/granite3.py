"""IBM Granite 3.0 to 3.3.

    <|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "now", "arguments": {}}]

Some write the marker as text, <tool_call>. A thought stands in <think> (3.3), or begins with a sentence (3.2).
Source: the chat templates of ibm-granite/granite-3.0-8b-instruct to granite-3.3-8b-instruct.
"""

from cortex.core.dialect import THINK, Dialect, Notation, Span

OWN, TEXT = (
    Notation(begin=f"{mark}[", call='{"name": "«name»", "arguments": «arguments»}', separator=", ", end="]")
    for mark in ("<|tool_call|>", "<tool_call>")
)

DIALECT = Dialect(
    name="granite-3",
    notation=OWN,
    also=(TEXT,),
    thought=(
        THINK,
        Span("Here is my thought process:", "Here is my response:"),
        Span("Here's my thought process:", "Here's my response:"),
    ),
    aliases=("granite3",),
    detect=("<|start_of_role|>", "<|tool_call|>"),
)
