"""Reka Edge: Hermes' format, with nothing between two calls.

    <tool_call>
    {"name": "get_weather", "arguments": {"city": "Paris"}}
    </tool_call><tool_call>
    {"name": "now", "arguments": {}}
    </tool_call>

The makers' template writes letters beyond ASCII as escapes. We do not: the grammar of JSON knows one way for each.
Source: the chat template of RekaAI/reka-edge.
"""

from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="reka-edge",
    notation=Notation(
        begin="<tool_call>\n",
        call='{"name": "«name»", "arguments": «arguments»}',
        end="\n</tool_call>",
        apart="",
    ),
    detect=("<tool_call>", "</tool_call>", '\\"arguments\\"', "ensure_ascii=True"),
)
