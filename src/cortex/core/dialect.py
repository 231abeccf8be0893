"""How one model family writes tool calls: data. Never any policy: who must call, and how often, is grammar.py's.

A dialect is used in three directions, and tests hold them together:

    write     calls -> text      what the model's own chat template renders
    grammar   tools -> Lark      what the engine lets the model produce
    parse     text -> events     what the client receives
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HOLE = re.compile("«(name|arguments|tools|results|result)»")


@dataclass(frozen=True, slots=True)
class Dialect:
    """One notation of tool calls, drawn as text with holes.

    `call` is one call, with the holes «name» and «arguments» in this order. `begin` opens a section of calls and `end`
    closes it; `separator` stands between the calls of one section, None where a section holds one call. `reasoning`
    encloses a thought. `detect` lists spellings that a chat template of this family contains, all of them.

    A family whose template knows tools needs no more. For others, `prompt` holds our own instructions, in which
    `<CUSTOM_FUNCTIONS>` stands for the tools, and `results` shows their answers to the model as a user's message:
    its hole «results» takes one `result` (holes «name» and «result») for each.
    """

    name: str
    call: str
    begin: str = ""
    end: str = ""
    separator: str | None = None
    reasoning: tuple[str, str] = ("<think>", "</think>")
    detect: tuple[str, ...] = ()
    prompt: str = ""
    results: str = ""
    result: str = ""

    @property
    def parts(self) -> tuple[str, str, str]:
        """What stands before the name of a call, between name and arguments, and after them."""
        before, _, between, _, after = HOLE.split(self.call)
        return before, between, after

    @property
    def marker(self) -> str:
        """The text that announces a call."""
        return self.begin.strip() or self.parts[0].strip()

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any] | str]]) -> str:
        """These calls, as the model would write them. Arguments given as text go in as they are."""
        each = [fill(self.call, name=name, arguments=dump(arguments)) for name, arguments in calls]
        if self.separator is None:
            return "\n".join(self.begin + one + self.end for one in each)
        return self.begin + self.separator.join(each) + self.end


def fill(template: str, **values: str) -> str:
    """The template with its holes filled; values are never searched for holes."""
    return HOLE.sub(lambda hole: values[hole[1]], template)


def dump(value: object) -> str:
    """JSON as models write it; text stays as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
