"""Ling 3 (Bailing V3): as GLM 4.5, with new lines at other places.

    <tool_call>get_weather
    <arg_key>city</arg_key>
    <arg_value>Paris</arg_value><arg_key>days</arg_key>
    <arg_value>2</arg_value>
    </tool_call>

Source: the chat template of inclusionAI/Ling-3.0-flash.
"""

from cortex.core.arguments.items import Items
from cortex.core.dialect import Dialect, Notation
from cortex.dialects.glm45 import VALUES

DIALECT = Dialect(
    name="ling-3",
    notation=Notation(
        call="<tool_call>«name»\n«arguments»\n</tool_call>",
        arguments=Items("<arg_key>«key»</arg_key>\n<arg_value>«value»</arg_value>", values=VALUES),
    ),
    markup=("<|role_end|>",),
    aliases=("ling3",),
    detect=("<tool_call>", "<arg_key>", "<|role_end|>"),
)
