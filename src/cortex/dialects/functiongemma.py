"""FunctionGemma.

    <start_function_call>call:get_weather{city:<escape>Paris<escape>,days:2}<end_function_call>

Texts stand between <escape> marks and are not escaped otherwise; keys are bare, and in the order of the alphabet.
Source: the chat template of google/functiongemma-270m-it, and Google's page on its format.
"""

from cortex.core.arguments.literal import Keywords, Literal
from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="functiongemma",
    notation=Notation(
        begin="<start_function_call>",
        call="call:«name»{«arguments»}",
        end="<end_function_call>",
        arguments=Keywords(
            item="«key»:«value»",
            values=Literal(
                quotes=("<escape>",),
                words=("true", "false", "null"),
                member="«key»:«value»",
                comma=",",
                alphabetical=True,
            ),
        ),
    ),
    detect=("<start_function_call>", "<escape>"),
)
