"""Llama 3.2, Llama 4, ToolACE and others that call as in Python, in a list and without a marker.

    [get_weather(city="Paris", days=2), now()]

Llama 4 may put <|python_start|> and <|python_end|> around the list. A list that begins otherwise than with the name of
a tool is text.
Source: Meta's pages on the prompt formats of Llama 3.2 and Llama 4; the model card of Team-ACE/ToolACE-8B.
"""

from cortex.core.arguments.literal import Keywords
from cortex.core.dialect import Dialect, Notation

ARGUMENTS = Keywords()

DIALECT = Dialect(
    name="llama-pythonic",
    notation=Notation(begin="[", call="«name»(«arguments»)", separator=", ", end="]", arguments=ARGUMENTS),
    also=(
        Notation(
            begin="<|python_start|>[",
            call="«name»(«arguments»)",
            separator=", ",
            end="]<|python_end|>",
            arguments=ARGUMENTS,
        ),
    ),
    aliases=("pythonic (llama3.2/toolace)", "llama4-pythonic"),
    detect=("[func_name1(",),
)
