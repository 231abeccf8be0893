"""InternLM 2 and 2.5.

    <|action_start|><|plugin|>
    {"name": "get_weather", "arguments": {"city": "Paris"}}<|action_end|>

The makers' documentation has `parameters` for `arguments`, and the template that servers use has this.
Source: the documentation of InternLM/InternLM (chat format v2), and vLLM's template for it.
"""

from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="internlm2",
    notation=Notation(
        begin="<|action_start|><|plugin|>\n",
        call='{"name": "«name»", "arguments": «arguments»}',
        end="<|action_end|>",
        apart="",
    ),
    also=(
        Notation(
            begin="<|action_start|><|plugin|>\n",
            call='{"name": "«name»", "parameters": «arguments»}',
            end="<|action_end|>",
            apart="",
        ),
    ),
    detect=("<|action_start|>", "<|plugin|>"),
)
