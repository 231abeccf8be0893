"""Hunyuan 3 (Hy3).

    <tool_calls>
    <tool_call>get_weather<tool_sep>
    <arg_key>city</arg_key>
    <arg_value>Paris</arg_value>
    </tool_call>
    </tool_calls>

The open model's tags carry its name: <tool_calls:opensource>, <tool_call:opensource> and so on, <think:opensource> too.
Source: the chat template of tencent/Hy3.
"""

from cortex.core.arguments.items import Items
from cortex.core.arguments.raw import Raw
from cortex.core.dialect import THINK, Dialect, Notation, Span

OPEN, PLAIN = (
    Notation(
        begin=f"<tool_calls{name}>\n",
        call=f"<tool_call{name}>«name»<tool_sep{name}>\n«arguments»</tool_call{name}>\n",
        separator="",
        end=f"</tool_calls{name}>",
        arguments=Items(
            f"<arg_key{name}>«key»</arg_key{name}>\n<arg_value{name}>«value»</arg_value{name}>\n",
            values=Raw(stops=(f"<arg_key{name}>«key»</arg_key{name}><arg_value{name}>", f"</tool_call{name}>")),
        ),
    )
    for name in (":opensource", "")
)

DIALECT = Dialect(
    name="hunyuan-3",
    notation=OPEN,
    also=(PLAIN,),
    thought=(Span("<think:opensource>", "</think:opensource>"), THINK),
    aliases=("hunyuan-v3",),
    detect=(":opensource", "<tool_sep"),
)
