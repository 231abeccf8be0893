"""Muse: a reply is messages to oneself, to tools and to the user.

    <|start|>assistant to=self<|message|>The user wants ...<|eom|>
    <|start|>assistant to=get_weather<|message|><atem:function_calls>
    <atem:invoke name="get_weather">
    <atem:parameter name="city">Paris</atem:parameter>
    <atem:parameter name="days">2</atem:parameter>
    </atem:invoke>
    </atem:function_calls><|eom|>
    <|start|>assistant to=user<|message|>It is sunny.<|eot|>

Between messages there is no new line; the prompt ends with `<|start|>assistant`. A message without a name is one to
oneself. Text stands as it is, everything else as JSON. Source: the chat template of Muse Glimmer, and recorded outputs
in vLLM's tests of its parser.
"""

from cortex.core.arguments.items import Items
from cortex.core.arguments.raw import Raw
from cortex.core.dialect import Dialect, Notation, Span

INVOKE = '<atem:invoke name="«name»">\n«arguments»</atem:invoke>\n</atem:function_calls>'

DIALECT = Dialect(
    name="muse",
    notation=Notation(
        call=f" to=«name»<|message|><atem:function_calls>‹\n›{INVOKE}",
        separator="<|eom|><|start|>assistant",
        arguments=Items('<atem:parameter name="«key»">«value»</atem:parameter>\n', values=Raw(guess=True)),
        anywhere=False,
    ),
    thought=(Span(" to=self<|message|>", "<|eom|>"), Span("<|message|>", "<|eom|>")),
    text=(Span(" to=user<|message|>", "<|eom|>"), Span(" to=commentary<|message|>", "<|eom|>")),
    joint="<|start|>assistant",
    markup=("<|eot|>",),
    aliases=("muse-glimmer",),
    detect=("<atem:function_calls>", "<atem:invoke name=", "<|eom|>"),
)
