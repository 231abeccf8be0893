"""MiniMax M2.

    <minimax:tool_call>
    <invoke name="get_weather">
    <parameter name="city">Paris</parameter>
    <parameter name="days">2</parameter>
    </invoke>
    </minimax:tool_call>

Text stands as it is, everything else as JSON. Source: the chat template of MiniMaxAI/MiniMax-M2.
"""

from cortex.core.arguments.items import Items
from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="minimax-m2",
    notation=Notation(
        begin="<minimax:tool_call>\n",
        call='<invoke name="«name»">\n«arguments»</invoke>',
        separator="\n",
        end="\n</minimax:tool_call>",
        arguments=Items('<parameter name="«key»">«value»</parameter>\n'),
    ),
    detect=("<minimax:tool_call>", "<invoke name="),
)
