"""Functionary v3.2: a reply is messages, each to a recipient; `all` is the user. The prompt ends in the first ">>>".

    all
    Let me see.>>>get_weather
    {"city": "Paris"}>>>now
    {}

Text holds ">>>" too, as Python's prompt: only the name of a tool, or `all`, makes a mark of it.
Source: the chat template of meetkai/functionary-medium-v3.2.
"""

from cortex.core.dialect import Dialect, Notation, Span

CALL, JOINT = "«name»\n«arguments»", ">>>"

DIALECT = Dialect(
    name="functionary-v3.2",
    notation=Notation(CALL, separator=JOINT),
    also=(Notation(CALL, begin=JOINT, separator=JOINT, anywhere=False),),
    text=(Span("all\n", ""),),
    joint=JOINT,
    detect=(">>>", "recipient"),
)
