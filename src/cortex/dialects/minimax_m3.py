"""MiniMax M3: elements within elements, a token before each tag.

    ]<]minimax[>[<tool_call>
    ]<]minimax[>[<invoke name="get_weather">]<]minimax[>[<city>Paris]<]minimax[>[</city>]<]minimax[>[</invoke>
    ]<]minimax[>[</tool_call>

A list is `<names>` with an `<item>` for each, an object has an element for each member. Source: the chat template of
MiniMaxAI/MiniMax-M3.
"""

from cortex.core.arguments.nested import Nested
from cortex.core.dialect import Dialect, Notation, Span

DIALECT = Dialect(
    name="minimax-m3",
    notation=Notation(
        begin="]<]minimax[>[<tool_call>\n",
        call=']<]minimax[>[<invoke name="«name»">«arguments»]<]minimax[>[</invoke>',
        separator="\n",
        end="\n]<]minimax[>[</tool_call>",
        arguments=Nested("]<]minimax[>[<«key»>«value»]<]minimax[>[</«key»>"),
    ),
    thought=(Span("<mm:think>", "</mm:think>"),),
    detect=("]<]minimax[>[", "<mm:think>"),
)
