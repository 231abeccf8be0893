"""LongCat Flash Chat.

    <longcat_tool_call>
    {"name": "get_weather", "arguments": {"city": "Paris"}}
    </longcat_tool_call>

Later models write arguments one by one (longcat_tagged.py).
Source: the chat template of meituan-longcat/LongCat-Flash-Chat.
"""

from cortex.core.arguments.items import Items
from cortex.core.arguments.raw import Raw
from cortex.core.dialect import THINK, Dialect, Notation, Span

TAGGED = Notation(
    call="<longcat_tool_call>«name»\n«arguments»</longcat_tool_call>",
    arguments=Items(
        "<longcat_arg_key>«key»</longcat_arg_key>\n<longcat_arg_value>«value»</longcat_arg_value>\n",
        values=Raw(stops=("<longcat_arg_key>«key»</longcat_arg_key><longcat_arg_value>", "</longcat_tool_call>")),
    ),
)
JSON = Notation(
    begin="<longcat_tool_call>\n",
    call='{"name": "«name»", "arguments": «arguments»}',
    end="\n</longcat_tool_call>",
)

DIALECT = Dialect(
    name="longcat",
    notation=JSON,
    also=(TAGGED,),
    thought=(Span("<longcat_think>", "</longcat_think>"), THINK),
    detect=("<longcat_tool_call>",),
)
