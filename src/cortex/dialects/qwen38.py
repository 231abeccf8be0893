"""Qwen 3.8: the XML of Qwen3-Coder, with true, false and null as in JSON.

    <tool_call>
    <function=get_weather>
    <parameter=city>
    Paris
    </parameter>
    <parameter=hourly>
    true
    </parameter>
    </function>
    </tool_call>

Source: the chat template of Qwen 3.8.
"""

from cortex.core.arguments.items import Items
from cortex.core.arguments.raw import Raw
from cortex.core.dialect import Dialect, Notation, Span

DIALECT = Dialect(
    name="qwen3.8",
    notation=Notation(
        begin="<tool_call>\n",
        call="<function=«name»>\n«arguments»</function>",
        end="\n</tool_call>",
        arguments=Items(
            "<parameter=«key»>\n«value»\n</parameter>\n",
            values=Raw(stops=("<parameter=«key»>", "</function>\n</tool_call>")),
        ),
    ),
    thought=(Span("<think>", "</think>", yields=True),),
    detect=("<function=", "<parameter=", "<tool_call>", "if args_value is string else args_value | tojson"),
)
