"""DeepSeek V3.1. All of it in one line:

    <｜tool▁calls▁begin｜>
        <｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "Paris"}<｜tool▁call▁end｜>
        <｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜>
    <｜tool▁calls▁end｜>

Source: the chat template of deepseek-ai/DeepSeek-V3.1.
"""

from cortex.core.dialect import Dialect, Notation

BEGIN, END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"

DIALECT = Dialect(
    name="deepseek-v3.1",
    notation=Notation(
        begin=BEGIN,
        call="<｜tool▁call▁begin｜>«name»<｜tool▁sep｜>«arguments»<｜tool▁call▁end｜>",
        separator="",
        end=END,
    ),
    also=(
        Notation(
            begin=BEGIN,
            call="<｜tool▁call▁begin｜>function<｜tool▁sep｜>«name»\n```json\n«arguments»\n```<｜tool▁call▁end｜>",
            separator="\n",
            end=END,
        ),
    ),
    markup=("<｜tool▁output▁begin｜>", "<｜tool▁output▁end｜>"),
    detect=("<｜tool▁calls▁begin｜>", "<｜tool▁sep｜>"),
)
