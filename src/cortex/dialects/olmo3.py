"""Olmo 3: calls as in Python, one a line, with values as in JSON.

    <function_calls>get_weather(city="Paris", days=2)
    now()</function_calls>

Source: the chat template of allenai/Olmo-3-7B-Instruct.
"""

from cortex.core.arguments.literal import JSON, Keywords
from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="olmo3",
    notation=Notation(
        begin="<function_calls>",
        call="«name»(«arguments»)",
        separator="\n",
        end="</function_calls>",
        arguments=Keywords(values=JSON),
    ),
    detect=("<functions>", "<function_calls>"),
)
