"""Seed-OSS.

    <seed:tool_call>
    <function=get_weather>
    <parameter=city>Paris</parameter>
    <parameter=days>2</parameter>
    </function>
    </seed:tool_call>

The template writes lists and objects as Python prints them; the models write JSON, and so does the grammar.
Source: the chat template of ByteDance-Seed/Seed-OSS-36B-Instruct.
"""

from cortex.core.arguments.items import Items
from cortex.core.arguments.raw import Raw
from cortex.core.dialect import Dialect, Notation, Span

DIALECT = Dialect(
    name="seed-oss",
    notation=Notation(
        begin="<seed:tool_call>\n",
        call="<function=«name»>\n«arguments»</function>",
        end="\n</seed:tool_call>",
        arguments=Items(
            "<parameter=«key»>«value»</parameter>\n",
            values=Raw(stops=("<parameter=«key»>", "</function>\n</seed:tool_call>"), words=True, literals=True),
        ),
    ),
    thought=(Span("<seed:think>", "</seed:think>"),),
    detect=("<seed:tool_call>", "<function=", "<parameter="),
)
