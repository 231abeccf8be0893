"""Llama 3.1 to 3.3, and Llama 4 where it is told to write JSON.

    {"name": "get_weather", "parameters": {"city": "Paris"}}; {"name": "now", "parameters": {}}

Source: the chat templates of meta-llama/Llama-3.1-8B-Instruct and Llama-3.2-3B-Instruct.
"""

from cortex.core.dialect import Dialect, Notation

CALL = '{"name": "«name»", "parameters": «arguments»}'

DIALECT = Dialect(
    name="llama3-json",
    notation=Notation(CALL, separator="; "),
    also=(Notation(begin="<|python_tag|>", call=CALL, separator="; "),),
    detect=('"parameters": ', '{"name": ', "ipython"),
)
