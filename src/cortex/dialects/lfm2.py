"""LFM2 and LFM2.5: calls as in Python, in a list.

    <|tool_call_start|>[get_weather(city='Paris', days=2), now()]<|tool_call_end|>

Texts stand in single quotes, an object is JSON. The models also leave the marks out, or write JSON between them.
Source: the chat template of LiquidAI/LFM2.5-8B-A1B; for the other notations, Liquid's page on tool use.
"""

from cortex.core.arguments.literal import JSON, Keywords, Literal
from cortex.core.dialect import Dialect, Notation

ARGUMENTS = Keywords(values=Literal(quotes=("'", '"'), newline="\n", objects=JSON))

DIALECT = Dialect(
    name="lfm2",
    notation=Notation(
        begin="<|tool_call_start|>[",
        call="«name»(«arguments»)",
        separator=", ",
        end="]<|tool_call_end|>",
        arguments=ARGUMENTS,
    ),
    also=(
        Notation(
            begin="<|tool_call_start|>[",
            call='{"name": "«name»", "arguments": «arguments»}',
            separator=", ",
            end="]<|tool_call_end|>",
        ),
        Notation(
            begin="<|tool_call_start|>",
            call='{"name": "«name»", "arguments": «arguments»}',
            end="<|tool_call_end|>",
        ),
        Notation(begin="[", call="«name»(«arguments»)", separator=", ", end="]", arguments=ARGUMENTS),
    ),
    aliases=("pythonic",),
    detect=("List of tools: ",),
)
