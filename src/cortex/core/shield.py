"""Keeps what a client wrote from becoming a special token. Knows no templates: works on whatever they make of it.

Special spellings inside the client's strings are replaced by private placeholders before a template is rendered, and
put back as plain-text segments afterwards: this survives whatever a template does with the strings. The same is done
with strings that become one inside a template's own brackets (`<{{ key }}>`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from cortex.core.job import Segment

BRACKETS: Final = "<>[]|/"
MARKS: Final = range(0xF0000, 0xFFFFD)  # of Unicode's private use areas


@dataclass(frozen=True, slots=True)
class Spellings:
    """What is hidden: `texts` by their numbers, `find` for those that are hidden wherever they stand, `whole` the
    numbers of those that are hidden as a whole string only."""

    texts: tuple[str, ...]
    numbers: Mapping[str, int]
    find: re.Pattern[str]
    whole: Mapping[str, int]


class Once(dict[str, str]):
    """What a function makes of texts, asked once for each: tools say the same words again and again."""

    def __init__(self, make: Callable[[str], str]) -> None:
        self.make = make

    def __missing__(self, text: str) -> str:
        self[text] = made = self.make(text)
        return made


class Shield:
    """Replaces special spellings in the client's values by placeholders, and cuts them out of the rendered prompt.

    A placeholder is a number between two `mark`s, a character that none of the values may hold: see `is_clear`.
    """

    def __init__(self, specials: Iterable[str], mark: str) -> None:
        self.hidden = spellings(tuple(filter(None, specials)))
        self.mark = mark
        self.texts = Once(self.hide_text)

    def hide(self, value: Any) -> Any:
        """The value with every string in it shielded."""
        texts, hide = self.texts, self.hide
        match value:
            case str():
                return texts[value]
            case dict():  # most of what is hidden are the tools, whose members are texts
                return {texts[key]: texts[item] if type(item) is str else hide(item) for key, item in value.items()}
            case list() | tuple():
                return [texts[item] if type(item) is str else hide(item) for item in value]
        return value

    @property
    def is_clear(self) -> bool:
        """Whether the mark was in none of the texts that were hidden."""
        return not any(self.mark in text for text in self.texts)

    def hide_text(self, text: str) -> str:
        if (number := self.hidden.whole.get(text.strip())) is not None:
            return text.replace(text.strip(), self.placeholder(number))
        return self.hidden.find.sub(lambda found: self.placeholder(self.hidden.numbers[found[0]]), text)

    def placeholder(self, number: int) -> str:
        return f"{self.mark}{number}{self.mark}"

    def reveal(self, text: str) -> tuple[Segment, ...]:
        """The prompt as segments: what the template wrote, and in between, special spellings that are plain text."""
        escaped = json.dumps(self.mark)[1:-1]  # as `tojson(ensure_ascii=true)` writes it
        parts = re.split(f"{self.mark}([0-9]+){self.mark}", text.replace(escaped, self.mark))
        segments = (
            Segment(self.hidden.texts[int(part)], markup=False) if number % 2 else Segment(part.replace(self.mark, ""))
            for number, part in enumerate(parts)
        )
        return tuple(segment for segment in segments if segment.text)


@lru_cache(maxsize=16)
def spellings(specials: tuple[str, ...]) -> Spellings:
    insides = {inside: None for special in specials for inside in inner(special)}
    texts = (*specials, *insides)
    numbers = {text: number for number, text in enumerate(texts)}
    whole = {inside: numbers[inside] for inside in insides}
    return Spellings(texts, numbers, re.compile(pattern(tree(specials)) or "(?!)"), whole)


def inner(special: str) -> Iterator[str]:
    """The spelling without some of the brackets around it: a template may write those."""
    core = special.strip(BRACKETS)
    if not core:
        return
    before, _, after = special.partition(core)
    for start in range(len(before) + 1):
        for end in range(len(after) + 1):
            if start or end:
                yield before[start:] + core + after[: len(after) - end]


def tree(texts: Iterable[str]) -> dict[str, Any]:
    """The texts letter by letter; a text ends where there is an empty letter."""
    root: dict[str, Any] = {}
    for text in texts:
        node = root
        for letter in text:
            node = node.setdefault(letter, {})
        node[""] = {}
    return root


def pattern(tree: Mapping[str, Any]) -> str:
    """The tree as a regular expression, longest text first: a plain alternation of thousands would take seconds."""
    straight = ""
    while len(tree) == 1 and "" not in tree:
        [(letter, tree)] = tree.items()
        straight += re.escape(letter)
    branches = [re.escape(letter) + pattern(below) for letter, below in tree.items() if letter]
    if not branches:
        return straight
    return f"{straight}(?:{'|'.join(branches)})" + ("?" if "" in tree else "")
