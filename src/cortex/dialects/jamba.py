"""AI21 Jamba 1.5 and later.

    <tool_calls>[
        {"name": "get_weather", "arguments": {"city": "Paris"}},
        {"name": "now", "arguments": {}}
    ]</tool_calls>

Source: the chat template of ai21labs/AI21-Jamba-1.5-Mini.
"""

from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="jamba",
    notation=Notation(
        begin="<tool_calls>[\n    ",
        call='{"name": "«name»", "arguments": «arguments»}',
        separator=",\n    ",
        end="\n]</tool_calls>",
    ),
    detect=("<tool_calls>[", "<|bom|>"),
)
