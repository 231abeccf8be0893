"""IBM Granite 20B function calling.

    <function_call> {"name": "get_weather", "arguments": {"city": "Paris"}}

Source: the chat template of ibm-granite/granite-20b-functioncalling.
"""

from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="granite-20b",
    notation=Notation(begin="<function_call> ", call='{"name": "«name»", "arguments": «arguments»}'),
    aliases=("granite-20b-fc",),
    detect=("<function_call>", "<|function_call_library|>"),
)
