"""Cohere's Command R7B and Command A. Ids are the numbers of the calls.

    <|START_THINKING|>I will ...<|END_THINKING|><|START_ACTION|>[
        {"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Paris"}},
        {"tool_call_id": "1", "tool_name": "now", "parameters": {}}
    ]<|END_ACTION|>

    <|START_RESPONSE|>It is <co>sunny</co: 0:[0]>.<|END_RESPONSE|>      (Command R7B)
    <|START_TEXT|>It is sunny.<|END_TEXT|>                              (Command A, later ones)

Source: the chat templates of CohereForAI/c4ai-command-r7b-12-2024 and Cohere's mixture of experts.
"""

from cortex.core.dialect import Dialect, Notation, Span
from cortex.core.ids import Ids

DIALECT = Dialect(
    name="command-r7b",
    notation=Notation(
        begin="<|START_ACTION|>[\n    ",
        call='{"tool_call_id": "«id»", "tool_name": "«name»", "parameters": «arguments»}',
        separator=",\n    ",
        end="\n]<|END_ACTION|>",
    ),
    thought=(Span("<|START_THINKING|>", "<|END_THINKING|>"),),
    text=(Span("<|START_RESPONSE|>", "<|END_RESPONSE|>"), Span("<|START_TEXT|>", "<|END_TEXT|>")),
    markup=("<co>", "</co: ‹0:[0]›>"),
    ids=Ids("«index»"),
    aliases=("command-a/cohere2-moe",),
    detect=("<|START_ACTION|>", "<|END_ACTION|>", "<|START_THINKING|>", "tool_name"),
)
