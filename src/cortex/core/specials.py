"""Which tokens of a vocabulary are markup and which are text. Pure: looks at spellings and flags, never at a model."""

from __future__ import annotations

from typing import Final

# What a token of markup begins and ends with: <|im_start|>, <tool_call>, [TOOL_CALLS], |eot|.
BRACKETS: Final = {"<": ">", "[": "]", "|": "|"}


def is_special(spelling: str, control: bool, user_defined: bool) -> bool:
    """Whether a token is special: a mark between texts, which a text of that spelling must never become.

    `control` and `user_defined` are the token's types in GGUF (`tokenizer.ggml.token_type` 3 and 4); pass the unknown
    token (2) as control, and so every token that ends a generation. Control tokens are special whatever they look like.
    User-defined ones are both marks (`<tool_call>`) and mere vocabulary that was added late (runs of spaces, `[]`),
    so their spelling decides: brackets around at least one letter or digit. Grammars name special tokens by number
    (`<[id]>`); every other token is text to them.
    """
    return control or (user_defined and _is_markup(spelling.strip()))


def _is_markup(spelling: str) -> bool:
    closing = BRACKETS.get(spelling[:1])
    return closing is not None and spelling[1:].endswith(closing) and any(map(str.isalnum, spelling))
