"""Inkling: a reply is messages, each with a mark that says what it holds. A call's name stands before its mark too.

    <|content_thinking|>The user wants ...<|end_message|>
    <|message_model|><|content_text|>Let me see.<|end_message|>
    <|message_model|>now<|content_invoke_tool_json|>{"name": "now", "args": {}}<|end_message|>

Nothing stands between two messages.

Source: the parsers that vLLM and SGLang have for it.
"""

from cortex.core.dialect import Dialect, Notation, Span

CALL = '<|content_invoke_tool_json|>{"name": "«name»", "args": «arguments»}<|end_message|>'

DIALECT = Dialect(
    name="inkling",
    notation=Notation(f"«name»{CALL}", separator="<|message_model|>"),
    also=(Notation(CALL, separator="<|message_model|>"),),
    thought=(Span("<|content_thinking|>", "<|end_message|>"),),
    text=(Span("<|content_text|>", "<|end_message|>"), Span("<|content_tool_error|>", "<|end_message|>")),
    joint="<|message_model|>",
    markup=("<|message_user|>", "<|content_audio_input|>", "<|audio_end|>", "<|content_model_end_sampling|>"),
    detect=("<|content_invoke_tool_json|>", "<|end_message|>"),
)
