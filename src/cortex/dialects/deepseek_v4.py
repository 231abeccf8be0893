"""DeepSeek V4: DSML as in V3.2, in a section of another name.

    <｜DSML｜tool_calls>
    <｜DSML｜invoke name="get_weather">
    <｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>
    </｜DSML｜invoke>
    </｜DSML｜tool_calls>

The models are known to misspell what opens the section. Source: the encoding that comes with deepseek-ai/DeepSeek-V4.
"""

from dataclasses import replace

from cortex.core.dialect import Dialect
from cortex.dialects import deepseek_v32
from cortex.dialects.deepseek_v32 import ITEMS

NOTATION = replace(
    deepseek_v32.NOTATION,
    begin="<｜DSML｜tool_calls>\n",
    call='<｜DSML｜invoke name="«name»">\n«arguments»\n</｜DSML｜invoke>',
    end="\n</｜DSML｜tool_calls>",
    arguments=replace(ITEMS, item=ITEMS.item.rstrip(), separator="\n"),
)

DIALECT = Dialect(
    name="deepseek-v4",
    notation=NOTATION,
    also=(
        replace(NOTATION, begin="<｜DSML｜toolcalls>\n"),
        replace(NOTATION, begin="<｜DSML｜tool>\n"),
        replace(NOTATION, begin="<｜DSML｜function_calls>\n", end="\n</｜DSML｜function_calls>"),
        replace(NOTATION, begin="", separator=None, end="", anywhere=False),
    ),
    thought=deepseek_v32.DIALECT.thought,
    markup=deepseek_v32.DIALECT.markup,
    detect=("｜DSML｜", "tool_calls>"),
)
