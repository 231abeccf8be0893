"""GigaChat 3: a call is a message of a role of its own; one call a reply.

    <|message_sep|>

    function call<|role_sep|>
    {"name": "get_weather", "arguments": {"city": "Paris"}}

Source: the chat template of ai-sage/GigaChat3-10B-A1.8B.
"""

from cortex.core.dialect import Dialect, Notation

CALL = '{"name": "«name»", "arguments": «arguments»}'

DIALECT = Dialect(
    name="gigachat3",
    notation=Notation(begin="<|message_sep|>\n\nfunction call<|role_sep|>\n", call=CALL),
    also=(Notation(begin="<|function_call|>", call=CALL),),
    markup=("</s>",),
    detect=("function call", "<|role_sep|>", "<|message_sep|>"),
)
