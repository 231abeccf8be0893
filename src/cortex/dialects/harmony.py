"""gpt-oss: a reply is messages on channels, nothing between them. Recipients stand before the channel or after it.

    <|channel|>analysis<|message|>The user wants ...<|end|>
    <|start|>assistant<|channel|>commentary<|message|>Let me see.<|end|>
    <|start|>assistant to=functions.get_weather<|channel|>commentary json<|message|>{"city": "Paris"}<|call|>

    <|start|>assistant<|channel|>commentary to=functions.now <|constrain|>json<|message|>{}<|call|>
    <|start|>assistant<|channel|>final<|message|>It is sunny.<|return|>

Source: OpenAI's harmony format (cookbook.openai.com/articles/openai-harmony); the chat template of openai/gpt-oss-120b.
"""

from cortex.core.dialect import Dialect, Notation, Span


def after(channel: str, recipient: str) -> Notation:
    """The recipient after the channel."""
    call = f"<|channel|>{channel} to={recipient}«name»‹ <|constrain|>json›<|message|>«arguments»"
    return Notation(call)


def before(recipient: str) -> Notation:
    """The recipient before the channel."""
    call = f" to={recipient}«name»<|channel|>‹commentary json›<|message|>«arguments»"
    return Notation(call, anywhere=False)


DIALECT = Dialect(
    name="harmony",
    notation=before("functions."),
    also=(
        after("commentary", "functions."),
        after("analysis", "functions."),
        before(""),
        after("commentary", ""),
        after("analysis", ""),
    ),
    thought=(Span("<|channel|>analysis<|message|>", "<|end|>"),),
    text=(Span("<|channel|>final<|message|>", ""), Span("<|channel|>commentary<|message|>", "<|end|>")),
    joint="<|start|>assistant",
    markup=("<|call|>", "<|return|>", "<|channel|>commentary to=assistant"),
    asides=(  # to the tools that the model's makers run
        Span("<|channel|>commentary to=‹python›<|message|>", "<|end|>"),
        Span("<|channel|>commentary to=‹python ›<|constrain|>‹code›<|message|>", "<|end|>"),
        Span("<|channel|>analysis to=‹python›<|message|>", "<|end|>"),
        Span("<|channel|>analysis to=‹python ›<|constrain|>‹code›<|message|>", "<|end|>"),
        Span(" to=‹python›<|channel|>‹commentary›<|message|>", "<|end|>"),
        Span(" to=‹python›<|channel|>‹commentary ›<|constrain|>‹code›<|message|>", "<|end|>"),
    ),
    aliases=("gpt-oss/harmony",),
    detect=("<|channel|>", "<|message|>", "<|start|>assistant"),
)
