"""Hermes 2/3, Qwen 2.5, Qwen 3 and everything trained on their format.

    <tool_call>
    {"name": "get_weather", "arguments": {"city": "Paris"}}
    </tool_call>
    <tool_call>
    {"name": "now", "arguments": {}}
    </tool_call>

Source: the chat templates of Qwen/Qwen2.5-7B-Instruct and NousResearch/Hermes-3-Llama-3.1-8B.
"""

from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="hermes",
    notation=Notation(
        begin="<tool_call>\n",
        call='{"name": "«name»", "arguments": «arguments»}',
        end="\n</tool_call>",
    ),
    aliases=("hermes/qwen2.5", "qwen3 (reasoning)", "ernie4.5", "granite4"),
    detect=("<tool_call>", "</tool_call>", '"arguments"'),
)
