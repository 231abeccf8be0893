"""dots: invocations, or a call in JSON, in a section of its own name.

    <dots_function_call><invoke name="f"><parameter name="city">Paris</parameter></invoke></dots_function_call>
    <dots_function_call>{"name": "f", "arguments": {"city": "Paris"}}</dots_function_call>

Text stands as it is, everything else as JSON. Source: recorded outputs in vLLM's tests of its parser for the family.
"""

from cortex.core.arguments.items import Items
from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="dots",
    notation=Notation(
        begin="<dots_function_call>",
        call='<invoke name="«name»">«arguments»</invoke>',
        separator="",
        end="</dots_function_call>",
        arguments=Items('<parameter name="«key»">«value»</parameter>'),
    ),
    also=(
        Notation(
            begin="<dots_function_call>",
            call='{"name": "«name»", "arguments": «arguments»}',
            separator="",
            end="</dots_function_call>",
        ),
    ),
    detect=("<dots_function_call>",),
)
