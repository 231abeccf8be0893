"""LongCat Flash Lite and Thinking 2601: arguments one by one.

    <longcat_tool_call>get_weather
    <longcat_arg_key>city</longcat_arg_key>
    <longcat_arg_value>Paris</longcat_arg_value>
    </longcat_tool_call>

Source: the chat template of meituan-longcat/LongCat-Flash-Lite.
"""

from cortex.core.dialect import Dialect
from cortex.dialects.longcat import DIALECT as CHAT

DIALECT = Dialect(
    name="longcat-tagged",
    notation=CHAT.also[0],
    also=(CHAT.notation,),
    thought=CHAT.thought,
    detect=("<longcat_tool_call>", "<longcat_arg_key>"),
)
