"""DeepSeek V3.2: DSML, whose tags say of each value whether it is text.

    <｜DSML｜function_calls>
    <｜DSML｜invoke name="get_weather">
    <｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>
    <｜DSML｜parameter name="days" string="false">2</｜DSML｜parameter>
    </｜DSML｜invoke>
    <｜DSML｜invoke name="now">
    </｜DSML｜invoke>
    </｜DSML｜function_calls>

What is no text is JSON. Source: the encoding that comes with deepseek-ai/DeepSeek-V3.2.
"""

from dataclasses import replace

from cortex.core.arguments.items import Items
from cortex.core.arguments.raw import Raw
from cortex.core.dialect import Dialect, Notation, Span

ITEM = '<｜DSML｜parameter name="«key»" string="«type»">«value»</｜DSML｜parameter>\n'
ITEMS = Items(ITEM, values=Raw(stops=('<｜DSML｜parameter name="',)), types={"string": "true", "": "false"})
NOTATION = Notation(
    begin="<｜DSML｜function_calls>\n",
    call='<｜DSML｜invoke name="«name»">\n«arguments»</｜DSML｜invoke>',
    separator="\n",
    end="\n</｜DSML｜function_calls>",
    arguments=ITEMS,
)
BARE = replace(NOTATION, begin="", separator=None, end="", anywhere=False)

DIALECT = Dialect(
    name="deepseek-v3.2",
    notation=NOTATION,
    also=(replace(NOTATION, begin="<｜DSML｜tool_calls>\n", end="\n</｜DSML｜tool_calls>"), BARE),
    thought=(Span("<think>", "</think>", yields=True),),
    markup=("<｜end▁of▁sentence｜>",),
    detect=("｜DSML｜", "function_calls>"),
)
