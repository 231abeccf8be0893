"""MiMo V2: the XML of Qwen3-Coder, with values that stand at once between their tags: a new line is part of them.

    <tool_call>
    <function=get_weather>
    <parameter=city>Paris</parameter>
    </function>
    </tool_call>

Source: the chat template of XiaomiMiMo/MiMo-V2-Flash.
"""

from cortex.core.arguments.items import Items
from cortex.core.arguments.raw import Raw
from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="mimo",
    notation=Notation(
        begin="<tool_call>\n",
        call="<function=«name»>\n«arguments»</function>",
        end="\n</tool_call>",
        arguments=Items(
            "<parameter=«key»>«value»</parameter>\n",
            values=Raw(stops=("<parameter=«key»>", "</function>\n</tool_call>")),
        ),
    ),
    detect=("<function=", "<parameter=", "<tool_call>", "<parameter=example_parameter_1>value_1</parameter>"),
)
