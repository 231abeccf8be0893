"""Qwen3-Coder, Qwen 3.5, Nemotron 3, Step 3.5, thinking Granite, MiniCPM-V: all write the same XML.

    <tool_call>
    <function=get_weather>
    <parameter=city>
    Paris
    </parameter>
    </function>
    </tool_call>

Text stands as it is, true, false and null as in Python, everything else as JSON; the tool's schema says which of them a
value is. Models forget `<tool_call>` and `</parameter>`, and call tools without ending their thought.
Source: the chat templates of Qwen/Qwen3-Coder-30B-A3B-Instruct, Qwen/Qwen3.5-4B, nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B
and stepfun-ai/Step-3.5-Flash.
"""

from cortex.core.arguments.items import Items
from cortex.core.arguments.raw import Raw
from cortex.core.dialect import Dialect, Notation, Span

CALL = "<function=«name»>\n«arguments»</function>"
END = "\n</tool_call>"
ARGUMENTS = Items(
    "<parameter=«key»>\n«value»\n</parameter>\n",
    values=Raw(stops=("<parameter=«key»>", "</function>\n</tool_call>"), words=True),
)

DIALECT = Dialect(
    name="qwen3-coder",
    notation=Notation(begin="<tool_call>\n", call=CALL, end=END, arguments=ARGUMENTS),
    also=(Notation(call=CALL, end=END, arguments=ARGUMENTS),),
    thought=(Span("<think>", "</think>", yields=True),),
    aliases=("qwen3-coder-xml", "qwen3.5-xml", "nemotron3-nano", "step3.5", "granite-thinking", "minicpm-v"),
    detect=("<function=", "<parameter=", "<tool_call>"),
)
