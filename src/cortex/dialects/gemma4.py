"""Gemma 4.

    <|tool_call>call:get_weather{city:<|"|>Paris<|"|>,days:2}<tool_call|>

Texts stand in marks of their own and are not escaped; keys are bare, and in the order of the alphabet. A thought is a
channel of the reply: <|channel>thought ... <channel|>.
Source: the chat template of google/gemma-4-31B-it.
"""

from cortex.core.arguments.literal import Keywords, Literal
from cortex.core.dialect import Dialect, Notation, Span

DIALECT = Dialect(
    name="gemma4",
    notation=Notation(
        begin="<|tool_call>",
        call="‹call›:«name»{«arguments»}",
        end="<tool_call|>",
        arguments=Keywords(
            item="«key»:«value»",
            values=Literal(
                quotes=('<|"|>',),
                words=("true", "false", "null"),
                member="«key»:«value»",
                comma=",",
                alphabetical=True,
            ),
        ),
    ),
    thought=(Span("<|channel>thought\n", "<channel|>"), Span("<|channel>", "<channel|>")),
    markup=("<|channel>thought\n<channel|>", "<turn|>"),
    detect=("<|tool_call>", '<|"|>'),
)
