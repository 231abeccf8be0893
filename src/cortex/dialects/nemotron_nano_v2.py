"""NVIDIA Nemotron Nano v2.

    <TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "now", "arguments": {}}]</TOOLCALL>

Source: the chat template of nvidia/NVIDIA-Nemotron-Nano-9B-v2.
"""

from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="nemotron-nano-v2",
    notation=Notation(
        begin="<TOOLCALL>[",
        call='{"name": "«name»", "arguments": «arguments»}',
        separator=", ",
        end="]</TOOLCALL>",
    ),
    detect=("<TOOLCALL>[", "<AVAILABLE_TOOLS>"),
)
