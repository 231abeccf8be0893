"""PLaMo 3. All of it in one line:

    <|plamo:begin_think:plamo|>The user wants ...<|plamo:end_think:plamo|>
    <|plamo:begin_tool_requests:plamo|>
        <|plamo:begin_tool_request:plamo|>
            <|plamo:begin_tool_name:plamo|>get_weather<|plamo:end_tool_name:plamo|>
            <|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>{"city": "Paris"}
            <|plamo:end_tool_arguments:plamo|>
        <|plamo:end_tool_request:plamo|>
    <|plamo:end_tool_requests:plamo|>

Source: vLLM's parser of it.
"""

from cortex.core.dialect import Dialect, Notation, Span

DIALECT = Dialect(
    name="plamo3",
    notation=Notation(
        begin="<|plamo:begin_tool_requests:plamo|>",
        call="<|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>«name»<|plamo:end_tool_name:plamo|>"
        "<|plamo:begin_tool_arguments:plamo|>‹<|plamo:constrain|>json›<|plamo:msg|>«arguments»"
        "<|plamo:end_tool_arguments:plamo|><|plamo:end_tool_request:plamo|>",
        separator="",
        end="<|plamo:end_tool_requests:plamo|>",
    ),
    thought=(Span("<|plamo:begin_think:plamo|>", "<|plamo:end_think:plamo|>"),),
    markup=("<|plamo:tag|>",),
    detect=("<|plamo:begin_tool_requests:plamo|>",),
)
