"""GLM 4.7 and 5, Spark 2.5: as GLM 4.5, in one line.

    <tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>

Source: the chat templates of zai-org/GLM-4.7-Flash and of Spark 2.5.
"""

from cortex.core.arguments.items import Items
from cortex.core.dialect import Dialect, Notation, Span
from cortex.dialects.glm45 import VALUES

DIALECT = Dialect(
    name="glm-4.7",
    notation=Notation(
        call="<tool_call>«name»«arguments»</tool_call>",
        apart="",
        arguments=Items("<arg_key>«key»</arg_key><arg_value>«value»</arg_value>", values=VALUES),
    ),
    thought=(Span("<think>", "</think>", yields=True),),
    aliases=("glm4.7", "spark2.5"),
    detect=("<tool_call>", "</arg_key><arg_value>"),
)
