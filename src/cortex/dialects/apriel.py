"""ServiceNow Apriel 1.5 and 1.6.

    Here are my reasoning steps:
    ...
    [BEGIN FINAL RESPONSE]
    <tool_calls>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</tool_calls>

Calls of former replies carry an id at their end, those of the last reply do not.
Source: the chat templates of ServiceNow-AI/Apriel-1.5-15b-Thinker and Apriel-1.6-15b-Thinker.
"""

from cortex.core.dialect import Dialect, Notation, Span

DIALECT = Dialect(
    name="apriel",
    notation=Notation(
        begin="<tool_calls>[",
        call='{"name": "«name»", "arguments": «arguments»}',
        separator=", ",
        end="]</tool_calls>",
    ),
    thought=(
        Span("Here are my reasoning steps:\n", "\n[BEGIN FINAL RESPONSE]\n"),
        Span("<thinking>", "</thinking>"),
    ),
    markup=("[END FINAL RESPONSE]",),
    detect=("<tool_calls>[", "</tool_calls>", "[BEGIN FINAL RESPONSE]", "<available_tools>"),
)
