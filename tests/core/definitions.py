"""Definitions of custom tools that the tests share, with texts that follow them and texts that do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cortex.core import custom
from cortex.core.chat import Input, Tool


@dataclass(frozen=True)
class Case:
    name: str
    input: Input
    right: Sequence[str]
    wrong: Sequence[str]

    @property
    def tool(self) -> Tool:
        return custom.tool("say", "Say it", self.input, "tools.0.custom.format.grammar.definition")


def lark(name: str, definition: str, right: Sequence[str], wrong: Sequence[str]) -> Case:
    return Case(name, Input("lark", definition), right, wrong)


def regex(name: str, definition: str, right: Sequence[str], wrong: Sequence[str]) -> Case:
    return Case(name, Input("regex", definition), right, wrong)


SUM = lark(
    "sum",
    r"""
start: expr                          // may lead back to itself
?expr: term (SP ("+" | "-") SP term)* -> add
     | "let" SP NAME SP "in" SP expr
?term: INT | "(" expr ")"            # so this is a rule
SP: " "
NAME: "a".."c"
%import common.INT
""",
    ["7", "1 + 2", "(1 + (2 - 3))", "let b in (7) - 1"],
    ["", "1 +", "()", "1+2", "(1", "let d in 1", " 7", '"7"'],
)
JSON = lark(
    "json",
    r"""
start: value
value: object | array | STRING | NUMBER | "true" | "null"
object: "{" [pair ("," pair)*] "}"
pair: STRING ":" value
array: "[" [value ("," value)*] "]"
STRING: /"([^"\\\n]|\\.)*"/
NUMBER: /-?(0|[1-9][0-9]*)/
%ignore /[ \n\t]+/
""",
    ['{"a": [1, "b\\"c", {}],\n\t"c":null}', "[]", '"\t\\\\</x> é \U0001f600"', ' ["\\n"]'],
    ['{"a"}', "[1,]", '"', '"\n"', "[01]", "tru e"],
)
PATCH = lark(
    "patch",
    r"""
start: begin hunk+ end
begin: "*** Begin Patch" LF
end: "*** End Patch" LF?
hunk: "*** Add File: " name LF add+ | "*** Delete File: " name LF
name: /(.+)/
add: "+" [/(.+)/] LF
%import common.LF
""",
    [
        '*** Begin Patch\n*** Add File: a"b.py\n+x = "\\n"\n+\n+\t</parameter \n*** End Patch',
        "*** Begin Patch\n*** Delete File: C:\\x\n*** End Patch\n",
    ],
    [
        "*** Begin Patch\n*** End Patch",
        "*** Begin Patch\n*** Add File: x\n*** End Patch",
        "*** Begin Patch\r\n*** Delete File: x\n*** End Patch",
    ],
)
QUOTES = lark(
    "quotes",
    r"""
start: item ("\n" item)*
item: "\"" /[^"]+/? "\"" | "\\" WORD~2..3 | "é"i [NUMBER] | "\x01\u0041"
%import common (WORD, NUMBER)
""",
    ['"a\nb"', "\\abcd", 'É\n"\\"\né1.5e3', "\x01A", '""'],
    ['"a', "a", "\\a", "\\", '"a" ', "\x01a", "é1.e"],
)
NESTED = lark(
    "lists",
    """
start: list
list: "(" (list | ATOM)* ")"
ATOM: /[a-z]+/i
%ignore " "
""",
    ["()", "(a (B c) ())", "( ab(c))"],
    ["(", "a", "(a))", "(1)"],
)
DATE = regex("date", r"^\d{4}-(0[1-9]|1[0-2])$", ["2026-11", "1999-01"], ["2026-13", "2026-1", "x2026-11", "2026-11\n"])
ESCAPES = regex(
    "escapes",
    r'(?i)[^"]+\n"\d{2,3}"[\x00-\x1f]?\\',
    ['ab\n"12"\\', 'É</x>\n"123"\x07\\', 'a\n"12"\n\\'],
    ['"\n"12"\\', 'a"12"\\', 'a\n"1"\\', 'a\n"12"'],
)
WORDS = regex("words", r"(?s)(yes|no)(, .{1,3})*", ["yes", "no, a\nb, x"], ["yes, ", "maybe"])
CASES = (SUM, JSON, PATCH, QUOTES, NESTED, DATE, ESCAPES, WORDS)
