"""Patterns of JSON Schema (ECMA 262) -> the regular expressions that llguidance knows. Never matches anything.

A pattern is searched for, so anchors count: they are known only where nothing stands before `^` and after `$`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

SPACE = r"\t\n\x0b\x0c\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
KEPT = {"d", "D", "w", "W", "n", "r", "t"}
CONTROL = {"v": r"\x0b", "f": r"\x0c", "0": r"\x00"}
META = set(r"\.+*?()|[]{}^$#&-~")
QUANTIFIER = re.compile(r"[*+?]|\{(\d+)(,(\d*))?\}")
HEX = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|u\{([0-9a-fA-F]+)\}")
PROPERTY = re.compile(r"[pP]\{\w+(=\w+)?\}|[pP][A-Z]")
OPENING = re.compile(r"\((\?:|\?P?<[A-Za-z_]\w*>|\?i:)?(?!\?)")


Range = tuple[str, int, int]  # a member of a class as text, and its first and last character; -1: not known


class NoPattern(ValueError):
    """This is no regular expression."""


class Unknown(ValueError):
    """A regular expression with something in it that cannot be enforced."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`text` is for llguidance. What it matches has at least `shortest` characters."""

    text: str
    shortest: int = 0


@dataclass(frozen=True, slots=True)
class Chars:
    """One character that is one of the members, or, `inverse`, none of them."""

    members: tuple[Range, ...]
    inverse: bool = False

    @property
    def text(self) -> str:
        """For llguidance, in a pattern of JSON Schema."""
        if not self.members:
            return r"[\s\S]"
        text, low, high = self.members[0]
        if len(self.members) == 1 and not self.inverse and low == high and text != SPACE:
            return text
        return f"[{'^' * self.inverse}{''.join(text for text, _, _ in quotable(self.members, inverse=self.inverse))}]"


@dataclass(frozen=True, slots=True)
class Anchor:
    text: str


@dataclass(frozen=True, slots=True)
class Many:
    """A piece with its quantifier; `low` is the least number of times."""

    piece: Piece
    text: str
    low: int


@dataclass(frozen=True, slots=True)
class Group:
    """`opening (a|b)`: sequences of pieces. The whole pattern is a group without an opening."""

    options: tuple[tuple[Piece, ...], ...]
    opening: str = ""


Piece = Chars | Anchor | Many | Group
LINES: tuple[Range, ...] = tuple((rf"\x{{{code:x}}}", code, code) for code in (0x0A, 0x0D, 0x2028, 0x2029))
DOT = Chars(LINES, inverse=True)


def translate(pattern: str) -> Pattern:
    """Raises NoPattern and Unknown."""
    flags = "(?i)" if pattern.startswith("(?i)") else ""
    reader = Reader(pattern, len(flags))
    whole = reader.group("")
    if reader.at < len(pattern):
        raise NoPattern("a ')' too many")
    found = written(whole, first=True, last=True)
    return Pattern(flags + found.text, found.shortest)


def written(piece: Piece, *, first: bool, last: bool) -> Pattern:
    """The piece as text. `first` and `last`: nothing can stand before or after it."""
    match piece:
        case Chars():
            return Pattern(piece.text, 1)
        case Anchor("^") if first:
            return Pattern("^")
        case Anchor("$") if last:
            return Pattern("$")
        case Anchor(text):
            raise Unknown(f"'{text}' in the middle")
        case Many(inner, text, low):
            found = written(inner, first=False, last=False)
            return Pattern(found.text + text, found.shortest * low)
        case Group(options, opening):
            found = chosen(options, first=first, last=last)
            return Pattern(f"({opening}{found.text})", found.shortest) if opening else found


def chosen(options: tuple[tuple[Piece, ...], ...], *, first: bool, last: bool) -> Pattern:
    found = [
        [
            written(piece, first=first and at == 0, last=last and at == len(option) - 1)
            for at, piece in enumerate(option)
        ]
        for option in options
    ]
    text = "|".join("".join(piece.text for piece in option) for option in found)
    return Pattern(text, min(sum(piece.shortest for piece in option) for option in found))


class Reader:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: str, at: int = 0, dot: Chars = DOT) -> None:
        self.pattern, self.at, self.dot = pattern, at, dot

    def rest(self) -> str:
        return self.pattern[self.at : self.at + 2]

    def take(self, count: int = 1) -> str:
        self.at += count
        return self.pattern[self.at - count : self.at]

    def group(self, opening: str) -> Group:
        options = [self.sequence()]
        while self.rest().startswith("|"):
            self.take()
            options.append(self.sequence())
        return Group(tuple(options), opening)

    def sequence(self) -> tuple[Piece, ...]:
        found = []
        while self.rest() and self.rest()[0] not in "|)":
            found.append(self.piece())
        return tuple(found)

    def piece(self) -> Piece:
        found = self.atom()
        many = QUANTIFIER.match(self.pattern, self.at)
        if many is None:
            return found
        if isinstance(found, Anchor):
            raise Unknown("an anchor that is repeated")
        low, high = int(many[1] or (many[0] == "+")), many[3]
        if high and int(high) < low:
            raise NoPattern(f"the bounds of {many[0]} are the wrong way round")
        text = self.take(len(many[0])) + (self.take() if self.rest().startswith("?") else "")
        if QUANTIFIER.match(self.pattern, self.at):
            raise Unknown("a repetition of a repetition")
        return Many(found, text, low)

    def atom(self) -> Piece:
        match self.rest()[0]:
            case "(":
                return self.parenthesis()
            case "[":
                return self.klass()
            case "\\":
                return self.escape()
            case "^" | "$":
                return Anchor(self.take())
            case ".":
                self.take()
                return self.dot
            case "*" | "+" | "?":
                raise NoPattern(f"nothing to repeat at {self.at}")
        return one(plain(self.take()))

    def parenthesis(self) -> Group:
        opening = OPENING.match(self.pattern, self.at)
        if opening is None:
            raise Unknown("a group that begins with '(?'")
        self.take(len(opening[0]))
        found = self.group("?i:" if opening[1] == "?i:" else "?:")
        if self.take() != ")":
            raise NoPattern("a '(' without its ')'")
        return found

    def escape(self) -> Piece:
        self.take()
        match self.rest()[:1]:
            case "":
                raise NoPattern("a '\\' at the end")
            case "A":
                self.take()
                return Anchor("^")
            case "z" | "Z":
                self.take()
                return Anchor("$")
            case "b" | "B":
                raise Unknown("a word boundary")
            case "s":
                self.take()
                return one(SPACE)
            case "S":
                self.take()
                return one(f"[^{SPACE}]")
        return one(self.character())

    def character(self) -> str:
        """What an escape stands for, in a class or outside."""
        if found := HEX.match(self.pattern, self.at):
            return self.coded(found)
        if found := PROPERTY.match(self.pattern, self.at):
            return "\\" + self.take(len(found[0]))
        letter = self.take()
        if letter in KEPT:
            return "\\" + letter
        if letter in CONTROL:
            return CONTROL[letter]
        if letter == "c" and re.match("[A-Za-z]", self.rest()):
            return f"\\x{ord(self.take()) % 32:02x}"
        if letter.isalnum():
            raise Unknown(f"'\\{letter}'")
        return plain(letter)

    def coded(self, found: re.Match[str]) -> str:
        code = int(found[1] or found[2] or found[4], 16)
        if 0xD800 <= code < 0xDC00 and found[3]:
            self.take(len(found[0]))
            return f"\\x{{{0x10000 + (code - 0xD800) * 0x400 + int(found[3], 16) - 0xDC00:x}}}"
        self.take(5 if found[2] else len(found[0]))
        if 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            raise Unknown("half a character")
        return f"\\x{{{code:x}}}"

    def klass(self) -> Chars:
        """A class of characters. The engine would read `[`, `&&`, `--` and `~~` in it as more than characters."""
        self.take()
        inverse = self.rest().startswith("^")
        self.take(inverse)
        ranges = self.ranges()
        if not ranges and not inverse:
            raise Unknown("an empty class")
        if any(low > high for _, low, high in ranges):
            raise NoPattern("a range that goes backwards")
        return Chars(tuple(ranges), inverse)

    def ranges(self) -> list[Range]:
        found = []
        while not self.rest().startswith("]"):
            low = self.member()
            if self.rest().startswith("-") and self.rest() not in ("-", "-]") and single(low):
                self.take()
                found += between(low, self.member())
            else:
                found.append(member(low))
        self.take()
        return found

    def member(self) -> str:
        letter = self.take()
        if not letter or (letter == "\\" and not self.rest()):
            raise NoPattern("a '[' without its ']'")
        if letter != "\\":
            return plain(letter)
        match self.rest()[0]:
            case "b":
                self.take()
                return r"\x08"
            case "s":
                self.take()
                return SPACE
            case "S":
                self.take()
                return f"[^{SPACE}]"
        return self.character()


def one(text: str) -> Chars:
    """A class of this member alone."""
    return Chars((member(text),))


def member(text: str) -> Range:
    code = code_of(text) if single(text) else -1
    return text, code, code


def between(low: str, high: str) -> list[Range]:
    """`low-high` in a class: a range, or three things that stand for themselves."""
    if single(high):
        return [(f"{low}-{high}", code_of(low), code_of(high))]
    return [member(low), (r"\-", 45, 45), (high, -1, -1)]


def quotable(ranges: Sequence[Range], *, inverse: bool) -> Sequence[Range]:
    """The class without NUL where it excludes a quote or a backslash and nothing that is written with one.

    The engine (llguidance 1.9) would let through all that JSON writes with a backslash: it takes a class with every
    control character in it for one of all characters.
    """
    quoted = any(low <= code <= high for _, low, high in ranges for code in (0x22, 0x5C))
    if inverse:
        return [*ranges, (r"\x00", 0, 0)] if quoted else ranges
    return [
        (text.replace(r"\x{0}", r"\x01", 1) if low == 0 < high < 0x5C else text, low, high)
        for text, low, high in ranges
    ]


def plain(letter: str) -> str:
    """This character and nothing else, in a class or outside."""
    return "\\" + letter if letter in META else letter


def single(member: str) -> bool:
    """Whether a member of a class is one character: what a range can begin and end with."""
    return len(member) == 1 or member.startswith("\\x") or (len(member) == 2 and member[1] not in "dDwW")


def code_of(member: str) -> int:
    if member.startswith("\\x"):
        return int(member[2:].strip("{}"), 16)
    return ord({"n": "\n", "r": "\r", "t": "\t"}.get(member[-1], member[-1]) if len(member) == 2 else member)
