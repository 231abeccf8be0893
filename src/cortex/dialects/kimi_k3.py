"""Kimi K3: a reply is sections; a call says of each argument what it is.

    <|open|>think<|sep|>...<|close|>think<|sep|><|open|>response<|sep|>...<|close|>response<|sep|><|open|>tools<|sep|>
    <|open|>call tool="get_weather" index="1"<|sep|>
    <|open|>argument key="city" type="string"<|sep|>Paris<|close|>argument<|sep|>
    <|open|>argument key="days" type="number"<|sep|>2<|close|>argument<|sep|>
    <|close|>call<|sep|><|close|>tools<|sep|><|close|>message<|sep|>

All in one line. Source: the chat template of moonshotai/Kimi-K3.
"""

from cortex.core.arguments.items import Items
from cortex.core.dialect import Dialect, Notation, Span
from cortex.core.members import KINDS

DIALECT = Dialect(
    name="kimi-k3",
    notation=Notation(
        begin="<|open|>tools<|sep|>",
        call='<|open|>call tool="«name»" index="«number»"<|sep|>«arguments»<|close|>call<|sep|>',
        separator="",
        end="<|close|>tools<|sep|>",
        arguments=Items(
            '<|open|>argument key="«key»" type="«type»"<|sep|>«value»<|close|>argument<|sep|>',
            types={kind: kind for kind in sorted(KINDS)},
        ),
    ),
    thought=(Span("<|open|>think<|sep|>", "<|close|>think<|sep|>"),),
    text=(Span("<|open|>response<|sep|>", "<|close|>response<|sep|>"),),
    markup=("<|close|>message<|sep|>", "<|end_of_msg|>"),
    detect=("<|open|>", "<|sep|>", "tools"),
)
