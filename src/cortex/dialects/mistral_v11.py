"""Mistral with tokenizers of version 11: Small 3.1 and 3.2, Medium 3.

    [TOOL_CALLS]get_weather[CALL_ID]9Ae3bDc2F[ARGS]{"city": "Paris"}[TOOL_CALLS]now[CALL_ID]D681PevKs[ARGS]{}

An id has nine letters and digits.
Source: the chat template of mistralai/Mistral-Small-3.2-24B-Instruct-2506; mistral-common.
"""

from cortex.core.dialect import Dialect, Notation
from cortex.core.ids import NINE
from cortex.dialects.mistral_v3 import DIALECT as EARLIER
from cortex.dialects.mistral_v13 import DIALECT as LATER

DIALECT = Dialect(
    name="mistral-v11",
    notation=Notation("[TOOL_CALLS]«name»[CALL_ID]«id»[ARGS]«arguments»", separator=""),
    also=(LATER.notation, *LATER.also),
    thought=EARLIER.thought,
    ids=NINE,
    detect=("[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"),
)
