"""K2 Horizon (IFM): arguments one by one, or as JSON where the template was asked for it.

    <ifm|tool_calls>
    <ifm|tool_call>get_weather
    <ifm|arg_key>city</ifm|arg_key>
    <ifm|arg_value>Paris</ifm|arg_value>
    </ifm|tool_call>
    <ifm|tool_call>{"name": "now", "arguments": {}}</ifm|tool_call>
    </ifm|tool_calls>

How hard it thinks decides how its thought is marked. Source: the chat template of the K2 Horizon models (IFM).
"""

from cortex.core.arguments.items import Items
from cortex.core.arguments.raw import Raw
from cortex.core.dialect import Dialect, Notation, Span

DIALECT = Dialect(
    name="k2-horizon",
    notation=Notation(
        begin="<ifm|tool_calls>\n",
        call="<ifm|tool_call>«name»\n«arguments»</ifm|tool_call>\n",
        separator="",
        end="</ifm|tool_calls>",
        arguments=Items(
            "<ifm|arg_key>«key»</ifm|arg_key>\n<ifm|arg_value>«value»</ifm|arg_value>\n",
            values=Raw(stops=("<ifm|arg_key>«key»</ifm|arg_key><ifm|arg_value>", "</ifm|tool_call>")),
        ),
    ),
    also=(
        Notation(
            begin="<ifm|tool_calls>\n",
            call='<ifm|tool_call>{"name": "«name»", "arguments": «arguments»}</ifm|tool_call>\n',
            separator="",
            end="</ifm|tool_calls>",
        ),
    ),
    thought=tuple(
        Span(f"<ifm|{effort}>", f"</ifm|{effort}>", yields=True) for effort in ("think", "think_fast", "think_faster")
    ),
    detect=("<ifm|tool_calls>",),
)
