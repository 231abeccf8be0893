"""GLM 4.5 and 4.6.

    <tool_call>get_weather
    <arg_key>city</arg_key>
    <arg_value>Paris</arg_value>
    <arg_key>days</arg_key>
    <arg_value>2</arg_value>
    </tool_call>

Text stands as it is, everything else as JSON; the tool's schema says which of them a value is.
Source: the chat template of zai-org/GLM-4.6.
"""

from cortex.core.arguments.items import Items
from cortex.core.arguments.raw import Raw
from cortex.core.dialect import Dialect, Notation, Span

VALUES = Raw(stops=("<arg_key>«key»</arg_key><arg_value>", "</tool_call>"))

DIALECT = Dialect(
    name="glm-4.5",
    notation=Notation(
        call="<tool_call>«name»\n«arguments»</tool_call>",
        arguments=Items("<arg_key>«key»</arg_key>\n<arg_value>«value»</arg_value>\n", values=VALUES),
    ),
    thought=(Span("<think>", "</think>", yields=True),),
    aliases=("glm4.5",),
    detect=("<tool_call>", "</arg_key>\n<arg_value>"),
)
