"""Salesforce xLAM 2, and others that write calls as a JSON list without any marks.

    [{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "now", "arguments": {}}]

Source: the chat templates of Salesforce/Llama-xLAM-2-8b-fc-r and xLAM-2-3b-fc-r.
"""

from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="xlam",
    notation=Notation(
        begin="[",
        call='{"name": "«name»", "arguments": «arguments»}',
        separator=", ",
        end="]",
    ),
    also=(
        Notation(
            begin="<tool_call>[",
            call='{"name": "«name»", "arguments": «arguments»}',
            separator=", ",
            end="]</tool_call>",
        ),
    ),
    aliases=("json-list",),
    detect=('[{"name": "tool_call_name", "arguments"',),
)
