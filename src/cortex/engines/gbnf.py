"""llama.cpp's grammars (GBNF) in a spelling that llguidance's translator understands. No I/O; compiles nothing.

The format is that of llama.cpp's grammars/README.md.
"""

from __future__ import annotations

import json
import re
from typing import Final

RULE: Final = re.compile(r"^[ \t]*[\w-]+[ \t]*::=", re.M)
LARK: Final = "%llguidance"

# A literal, a class of characters, a comment, or a dot that is none of these.
ATOM: Final = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*|\.', re.S)
ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.S)
ANY: Final = "[\\x00-\U0010ffff]"  # llama.cpp's dot is any character; Lark's stops at a line's end


def is_gbnf(grammar: str) -> bool:
    """Whether this is GBNF and not Lark, whose rules have one colon."""
    return not grammar.lstrip().startswith(LARK) and RULE.search(grammar) is not None


def plain(grammar: str) -> str:
    """The same grammar without the escapes and the dots that the translator does not carry over."""
    return ATOM.sub(_atom, grammar)


def _atom(found: re.Match[str]) -> str:
    text = found[0]
    match text[0]:
        case '"':
            return ESCAPE.sub(_in_literal, text)
        case "[":
            return ESCAPE.sub(_in_class, text)
        case ".":
            return ANY
        case _:
            return text


def _in_literal(found: re.Match[str]) -> str:
    if found[4] is not None:
        return found[4] if found[4] in "[]" else found[0]
    return json.dumps(_character(found), ensure_ascii=False)[1:-1]


def _in_class(found: re.Match[str]) -> str:
    if found[4] is not None:
        return found[0]
    character = _character(found)
    return f"\\x{ord(character):02x}" if character.isascii() else character


def _character(found: re.Match[str]) -> str:
    """What a number stands for; a number beyond all characters stands for the character that replaces them."""
    number = int(found[1] or found[2] or found[3], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
