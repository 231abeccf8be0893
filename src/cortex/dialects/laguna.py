"""Poolside's Laguna XS: as GLM 4.5. Calls also come in the marks of a user's message.

    <tool_call>get_weather
    <arg_key>city</arg_key>
    <arg_value>Paris</arg_value>
    </tool_call>

Source: the chat templates of poolside/Laguna-XS.2 and Laguna-XS-2.1.
"""

from cortex.core.arguments.items import Items
from cortex.core.dialect import Dialect, Notation
from cortex.core.loose import Fence
from cortex.dialects.glm45 import VALUES

ITEMS = Items("<arg_key>«key»</arg_key>\n<arg_value>«value»</arg_value>\n", values=VALUES)

DIALECT = Dialect(
    name="laguna-xs",
    notation=Notation(call="<tool_call>«name»\n«arguments»</tool_call>", arguments=ITEMS),
    slips=(Notation(call="<user>«name»\n«arguments»</user>", arguments=ITEMS), Fence("<user>", "</user>")),
    aliases=("poolside-laguna",),
    detect=("<tool_call>", "<available_tools>", '"</arg_key>\\n"'),
)
