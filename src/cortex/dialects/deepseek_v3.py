"""DeepSeek V3 and R1, and models distilled from them; Cogito.

    <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather
    ```json
    {"city": "Paris"}
    ```<｜tool▁call▁end｜>
    <｜tool▁call▁begin｜>function<｜tool▁sep｜>now
    ```json
    {}
    ```<｜tool▁call▁end｜><｜tool▁calls▁end｜>

Source: the chat templates of deepseek-ai/DeepSeek-R1 and DeepSeek-R1-Distill-Qwen-32B.
"""

from cortex.core.dialect import Dialect, Notation
from cortex.dialects.deepseek_v31 import DIALECT as LATER

DIALECT = Dialect(
    name="deepseek-v3",
    notation=Notation(
        begin="<｜tool▁calls▁begin｜>",
        call="<｜tool▁call▁begin｜>function<｜tool▁sep｜>«name»\n```json\n«arguments»\n```<｜tool▁call▁end｜>",
        separator="\n",
        end="<｜tool▁calls▁end｜>",
    ),
    also=(LATER.notation,),
    markup=LATER.markup,
    aliases=("deepseek-r1", "deepseek-r1 (reasoning)", "deepseek-v3 (reasoning)", "cogito (deepseek-v3 tokens)"),
    detect=("<｜tool▁calls▁begin｜>", "<｜tool▁sep｜>", "```json"),
)
