"""Step 3: invocations, each a call in a section of calls.

    <｜tool_calls_begin｜>
    <｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="get_weather">
    <steptml:parameter name="city">Paris</steptml:parameter>
    </steptml:invoke><｜tool_call_end｜>
    <｜tool_calls_end｜>

Text stands as it is, everything else as JSON. Source: how SGLang and vLLM document the model's output.
"""

from cortex.core.arguments.items import Items
from cortex.core.dialect import Dialect, Notation

INVOKE = '<steptml:invoke name="«name»">\n«arguments»</steptml:invoke><｜tool_call_end｜>'

DIALECT = Dialect(
    name="step3",
    notation=Notation(
        begin="<｜tool_calls_begin｜>\n",
        call=f"<｜tool_call_begin｜>‹function<｜tool_sep｜>›{INVOKE}",
        separator="\n",
        end="\n<｜tool_calls_end｜>",
        arguments=Items('<steptml:parameter name="«key»">«value»</steptml:parameter>\n'),
    ),
    detect=("<steptml:invoke name=",),
)
