"""Kimi K2. The id of a call is its name and its number in the whole conversation. All of it in one line:

    <|tool_calls_section_begin|>
        <|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Paris"}<|tool_call_end|>
        <|tool_call_begin|>functions.now:1<|tool_call_argument_begin|>{}<|tool_call_end|>
    <|tool_calls_section_end|>

Models leave out "functions." or the section, and call in the middle of a thought that they do not close.
Source: the chat templates of moonshotai/Kimi-K2-Instruct and Kimi-K2-Thinking.
"""

from cortex.core.dialect import Dialect, Notation, Span
from cortex.core.ids import Ids

CALL = "<|tool_call_begin|>functions.«name»:«id»<|tool_call_argument_begin|>«arguments»<|tool_call_end|>"
BARE = CALL.replace("functions.", "")
SECTION = ("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>")

DIALECT = Dialect(
    name="kimi-k2",
    notation=Notation(CALL, *SECTION, separator=""),
    also=(
        Notation(BARE, *SECTION, separator=""),
        Notation(CALL, separator=""),
        Notation(BARE, separator=""),
    ),
    thought=(Span("<think>", "</think>", yields=True),),
    ids=Ids("functions.«name»:«index»"),
    aliases=("kimi-vl (reasoning)",),
    detect=("<|tool_calls_section_begin|>", "<|tool_call_argument_begin|>"),
)
