"""Mistral with the tokenizers of version 3 and 7: Mistral 7B v0.3, Nemo, Small 24.09, Large 24.07 and 24.11.

    [TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}, "id": "9Ae3bDc2F"},
                 {"name": "now", "arguments": {}, "id": "D681PevKs"}]

The list stands in one line. An id has nine letters and digits.
Source: the chat template of mistralai/Mistral-Nemo-Instruct-2407; mistral-common.
"""

from cortex.core.dialect import Dialect, Notation, Span
from cortex.core.ids import NINE

THINK = Span("[THINK]", "[/THINK]")
PLAIN = '{"name": "«name»", "arguments": «arguments»}'

DIALECT = Dialect(
    name="mistral-v3",
    notation=Notation(
        begin="[TOOL_CALLS][",
        call='{"name": "«name»", "arguments": «arguments», "id": "«id»"}',
        separator=", ",
        end="]",
    ),
    also=(
        Notation(begin="[TOOL_CALLS][", call=PLAIN, separator=", ", end="]"),
        Notation(begin="[TOOL_CALLS]", call=PLAIN),
        Notation("[TOOL_CALLS]«name»[ARGS]«arguments»", separator=""),
    ),
    thought=(THINK,),
    markup=("[/TOOL_CALLS]",),
    ids=NINE,
    detect=("[TOOL_CALLS]", "[AVAILABLE_TOOLS]"),
)
