"""Mistral with tokenizers of version 13: Devstral, Magistral, Ministral 3. As version 11, without ids.

    [TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}[TOOL_CALLS]now[ARGS]{}

Source: the chat templates of mistralai/Devstral-Small-2507 and Ministral-3-14B-Reasoning-2512; mistral-common.
"""

from cortex.core.dialect import Dialect, Notation
from cortex.dialects.mistral_v3 import DIALECT as EARLIER

DIALECT = Dialect(
    name="mistral-v13",
    notation=Notation("[TOOL_CALLS]«name»[ARGS]«arguments»", separator=""),
    also=(
        Notation("[TOOL_CALLS]«name»«arguments»", separator=""),
        EARLIER.notation,
        *EARLIER.also[:2],
    ),
    thought=EARLIER.thought,
    ids=EARLIER.ids,
    detect=("[TOOL_CALLS]", "[ARGS]"),
)
