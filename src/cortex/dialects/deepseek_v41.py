"""DeepSeek V4.1: DSML, with a blank before the name of each tag.

    <｜DSML｜ calls>
    <｜DSML｜ invoke name="get_weather">
    <｜DSML｜ parameter name="city" string="true">Paris</｜DSML｜ parameter>
    </｜DSML｜ invoke>
    </｜DSML｜ calls>

Source: recorded outputs in vLLM's tests of its parser for the family.
"""

from dataclasses import replace

from cortex.core.arguments.raw import Raw
from cortex.core.dialect import Dialect, Notation
from cortex.dialects import deepseek_v32

OPEN = '<｜DSML｜ parameter name="'
ITEMS = replace(
    deepseek_v32.ITEMS,
    item=f'{OPEN}«key»" string="«type»">«value»</｜DSML｜ parameter>',
    separator="\n",
    values=Raw(stops=(OPEN,)),
)

DIALECT = Dialect(
    name="deepseek-v4.1",
    notation=Notation(
        begin="<｜DSML｜ calls>\n",
        call='<｜DSML｜ invoke name="«name»">\n«arguments»\n</｜DSML｜ invoke>',
        separator="\n",
        end="\n</｜DSML｜ calls>",
        arguments=ITEMS,
    ),
    thought=deepseek_v32.DIALECT.thought,
    markup=deepseek_v32.DIALECT.markup,
    detect=("｜DSML｜ ", "calls>"),
)
