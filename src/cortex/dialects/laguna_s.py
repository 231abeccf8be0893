"""Poolside's Laguna S: as Laguna XS, in one line.

    <tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>

Source: the chat template of poolside/Laguna-S-2.1.
"""

from cortex.core.arguments.items import Items
from cortex.core.dialect import Dialect, Notation
from cortex.core.loose import Fence
from cortex.dialects.glm45 import VALUES

ITEMS = Items("<arg_key>«key»</arg_key><arg_value>«value»</arg_value>", values=VALUES)

DIALECT = Dialect(
    name="laguna-s",
    notation=Notation(call="<tool_call>«name»«arguments»</tool_call>", apart="", arguments=ITEMS),
    slips=(Notation(call="<user>«name»«arguments»</user>", arguments=ITEMS), Fence("<user>", "</user>")),
    detect=("<tool_call>", "<available_tools>", '"</arg_key>" -'),
)
