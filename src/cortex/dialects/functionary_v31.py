"""Functionary v3.1.

    <function=get_weather>{"city": "Paris"}</function><function=now>{}</function>

Source: the chat template of meetkai/functionary-medium-v3.1.
"""

from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="functionary-v3.1",
    notation=Notation("<function=«name»>«arguments»</function>", separator=""),
    detect=("<function=", "</function>", "<|python_tag|>", "tool_call"),
)
