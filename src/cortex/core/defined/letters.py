"""Definitions without rules -> regular expressions for the engine, as the text is, or as it stands in quotes.

In quotes a character may be written as an escape. So each letter becomes the plain characters among its own, or the
escape of one that has to be written so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cortex.core.defined.definition import Chunk, Item, Letter, Or, Ref, Seq, Times
from cortex.core.regex import SPACE, Chars, Range, Unknown

CONTROLS = [chr(code) for code in range(0x20)]
SHORT = dict(zip("\\\b\f\n\r\t", "\\bfnrt", strict=True))  # characters, and what stands for them after a backslash
USUAL = (*range(0x80), *map(ord, "\x85\xa0éÉ²€«»"))
CATEGORY = re.compile(r"\\([pP])\{?([A-Z][a-z]?)\}?")


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is written. `escapes` are the characters that may be escaped, and what follows the backslash then;
    `plain` is a class of those that may stand for themselves, of which `bare` may do either."""

    escapes: Mapping[str, str] = field(default_factory=dict)
    plain: str = ""
    bare: str = ""


SEPARATORS = r"\x1c-\x1f\x{85}"  # white space to some
PLAIN_SPACE = SPACE.replace(r"\ufeff", "")
NARROW = {  # classes as small as any reader sees them
    SPACE: PLAIN_SPACE,
    f"[^{SPACE}]": f"[^{SPACE}{SEPARATORS}]",
}
WIDE = {  # and as large
    SPACE: SPACE + SEPARATORS,
    f"[^{SPACE}]": f"[^{PLAIN_SPACE}]",
}
CODES = {char: f"u00{ord(char):02x}" for char in CONTROLS} | SHORT
RAW = Style()
QUOTED = {
    '"': Style({'"': '"', **CODES}, r'[^"\\\x00-\x1f]'),  # as in JSON
    "'": Style({"'": "'", **CODES}, r"[^'\\\x00-\x08\x0b\x0c\x0e-\x1f]", "\t\n\r"),  # as code has it beside that
}


def pattern(chunk: Chunk, style: Style) -> str:
    """A regular expression for the texts of this chunk, on one line."""
    return spelled(chunk, style).replace("\n", r"\n").replace("\r", r"\r")


def spelled(item: Item, style: Style) -> str:
    assert not isinstance(item, Ref)  # a chunk holds none
    match item:
        case Letter():
            return letter(item, style)
        case Seq(items):
            return "".join(spelled(part, style) for part in items)
        case Or(options):
            return either([spelled(part, style) for part in options])
        case Times(inner, least, most):
            return f"(?:{spelled(inner, style)}){counted(least, most)}"
        case Chunk(inner):
            return spelled(inner, style)


def counted(least: int, most: int | None) -> str:
    return {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((least, most)) or times(least, most)


def times(least: int, most: int | None) -> str:
    return f"{{{least},{'' if most is None else most}}}"


def letter(item: Letter, style: Style) -> str:
    escaped = [char for char in style.escapes if holds(item, char)]
    plain = f"[{klass(item.chars)}&&{style.plain}]" if escaped else klass(item.chars)
    plain = f"(?i:{plain})" if item.fold else plain
    if not escaped:
        return plain
    found = gathered(style.escapes[char] for char in escaped)
    needless = is_single(item.chars) and escaped[0] not in style.bare
    return either(found if needless else [plain, *found])


def either(options: Sequence[str]) -> str:
    return options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"


def is_single(chars: Chars) -> bool:
    """Whether this is one character and no other."""
    return len(chars.members) == 1 and not chars.inverse and 0 <= chars.members[0][1] == chars.members[0][2]


def klass(chars: Chars) -> str:
    """These characters as a class. Of what readers see differently (what is white space), no more than all of them
    see in it."""
    if not chars.members:
        return r"[\s\S]"
    if is_single(chars):
        return chars.members[0][0]
    words = WIDE if chars.inverse else NARROW
    return f"[{'^' * chars.inverse}{''.join(words.get(text, text) for text, _, _ in chars.members)}]"


def gathered(escapes: Iterable[str]) -> list[str]:
    """Patterns for these escapes: one for the short ones, one for the codes."""
    each = list(escapes)
    short = "".join(re.escape(escape) for escape in each if len(escape) == 1)
    codes = [escape[-2:] for escape in each if len(escape) > 1]
    return [*([rf"\\[{short}]"] if short else []), *([rf"\\u00{either(codes)}"] if codes else [])]


# Which characters a letter holds


@lru_cache(maxsize=4096)
def holds(item: Letter, char: str) -> bool:
    """Whether the letter can be this character. Raises Unknown where that cannot be said."""
    others = {char, *other_case(char)} if item.fold else {char}
    each = [(member, other) for member in item.chars.members for other in others]
    return any(has(member, other, wide=item.chars.inverse) for member, other in each) != item.chars.inverse


def other_case(char: str) -> str:
    """The character in the other case; "" where it has none of one character."""
    other = char.swapcase()
    return other if len(other) == 1 else ""


def has(member: Range, char: str, *, wide: bool) -> bool:
    """Whether a member of a class is this character; `wide`: to any reader."""
    text, low, high = member
    if low >= 0:
        return low <= ord(char) <= high
    match text:
        case _ if text == SPACE:
            return char.isspace() and (wide or not "\x1c" <= char <= "\x1f")
        case _ if text == f"[^{SPACE}]":
            return not char.isspace() or (wide and "\x1c" <= char <= "\x1f")
        case r"\d" | r"\D":
            return char.isdecimal() == (text == r"\d")
        case r"\w" | r"\W":
            return (char.isalnum() or char == "_") == (text == r"\w")
    return of_category(text, char)


def of_category(text: str, char: str) -> bool:
    found = CATEGORY.fullmatch(text)
    if found is None:
        raise Unknown(f"'{text}'")
    return unicodedata.category(char).startswith(found[2]) == (found[1] == "p")


@lru_cache(maxsize=4096)
def meet(one: Letter, other: Letter) -> bool:
    """Whether a character may be both. Of those that belong to a kind, the usual ones are looked at."""
    return any(holds(one, char) and holds(other, char) for char in telling((one, other)))


def telling(items: Iterable[Letter]) -> set[str]:
    """Characters in which these letters differ: the ends of their ranges, those beside them, and of kinds the usual."""
    found: set[str] = set()
    for item in items:
        for _, low, high in item.chars.members:
            codes = (low - 1, low, high, high + 1) if low >= 0 else USUAL
            found.update(chr(code) for code in codes if 0 <= code <= 0x10FFFF)
        if item.fold:
            found.update([other for char in found for other in other_case(char)])
        if not item.chars.members:
            found.add("a")
    return found
