"""GigaChat 3.1.

    <|function_call|>{"name": "get_weather", "arguments": {"city": "Paris"}}

Source: the chat template of ai-sage/GigaChat3.1-10B-A1.8B.
"""

from cortex.core.dialect import Dialect
from cortex.dialects.gigachat3 import DIALECT as EARLIER

DIALECT = Dialect(
    name="gigachat3.1",
    notation=EARLIER.also[0],
    also=(EARLIER.notation,),
    markup=EARLIER.markup,
    detect=(*EARLIER.detect, "<|function_call|>"),
)
