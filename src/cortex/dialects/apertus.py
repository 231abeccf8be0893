"""Apertus: the name of a call is the key of its arguments.

    <|tools_prefix|>[{"get_weather": {"city": "Paris"}}, {"now": {}}]<|tools_suffix|>

Source: the chat template of swiss-ai/Apertus-8B-Instruct-2509.
"""

from cortex.core.dialect import Dialect, Notation, Span

DIALECT = Dialect(
    name="apertus",
    notation=Notation(
        begin="<|tools_prefix|>[",
        call='{"«name»": «arguments»}',
        separator=", ",
        end="]<|tools_suffix|>",
    ),
    thought=(Span("<|inner_prefix|>", "<|inner_suffix|>"),),
    detect=("<|tools_prefix|>", "<|tools_suffix|>"),
)
