"""FireFunction v2, and others with the same instructions.

    functools[{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "now", "arguments": {}}]

Source: the chat template of fireworks-ai/llama-3-firefunction-v2.
"""

from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="functools",
    notation=Notation(
        begin="functools[",
        call='{"name": "«name»", "arguments": «arguments»}',
        separator=", ",
        end="]",
    ),
    aliases=("firefunction-v2",),
    detect=("functools[",),
)
