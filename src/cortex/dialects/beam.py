"""Beam: harmony's channels, with arguments as elements.

    <|channel|>analysis<|message|>The user wants ...<|end|>
    <|start|>assistant to=get_weather<|channel|>analysis <|constrain|>xml<|message|><rfl:parameter name="city">
    Paris
    </rfl:parameter><|call|>
    <|start|>assistant<|channel|>final<|message|>It is sunny.<|return|>

Between messages there is no new line; the prompt ends with the first `<|start|>assistant`.

Text stands as it is, everything else as JSON. Source: recorded outputs in vLLM's tests of its parser for the family.
"""

from cortex.core.arguments.items import Items
from cortex.core.arguments.raw import Raw
from cortex.core.dialect import Dialect, Notation, Span

ELEMENT = '<rfl:parameter name="«key»">'

DIALECT = Dialect(
    name="beam",
    notation=Notation(
        call=" to=«name»<|channel|>‹analysis›‹ <|constrain|>xml›<|message|>«arguments»",
        separator="<|call|><|start|>assistant",
        arguments=Items(f"{ELEMENT}\n«value»\n</rfl:parameter>", values=Raw(stops=(ELEMENT,))),
        anywhere=False,
    ),
    thought=(Span("<|channel|>analysis<|message|>", "<|end|>"),),
    text=(Span("<|channel|>final<|message|>", ""), Span("<|channel|>commentary<|message|>", "<|end|>")),
    joint="<|start|>assistant",
    markup=("<|call|>", "<|return|>", "<|end|>"),
    detect=("<|channel|>", "<rfl:parameter name="),
)
