"""Calls in loose JSON: what models write that know no markers, or that slip out of theirs.

    {"name": "f", "arguments": {...}}         bare; any number, one after the other, also with ; or , between them
    {{"name": "f", "arguments": {...}}}       braces doubled, as the 1.5B Qwen2.5-Coder's official template teaches it
    [{"name": "f", "arguments": {...}}, ...]  a list

each also in a ``` or ```json fence, and each only at the beginning of a line; and, wherever it stands, one or a list of
them behind the mark of another family (`Fence`). The *lead* of a form is its text up to and with the quote before the
name. Nothing is a call before a known name is complete: `{"name": "Bob"}` is text. Grammar and parser both take the
forms from here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

SPACE = r"[ \t\r\n]*"
KEYS = ("arguments", "parameters")
BETWEEN = ("", ";", ",")  # what may stand between two calls


@dataclass(frozen=True)
class Form:
    """One way to write loose calls. `name` is a valid Lark rule name."""

    name: str
    fence: str
    opener: str
    closer: str
    between: Sequence[str]  # what may stand between calls; nothing in it: one call only

    @cached_property
    def atoms(self) -> Sequence[str]:
        """The lead as regular expressions of one character or any white space each."""
        words = [self.fence, *self.opener, '"name"', ":", '"']
        return [atom for word in words if word for atom in (SPACE, *map(re.escape, word))]

    @property
    def lead(self) -> str:
        """A regular expression for the lead."""
        return "".join(self.atoms)

    def leads(self, text: str) -> bool:
        """Whether this text begins with the lead."""
        return re.match(self.lead, text) is not None


FORMS = tuple(
    Form(f"{inside}{kind}", fence, opener, closer, between)
    for inside, fence in (("bare", ""), ("fenced", "```"), ("json", "```json"))
    for kind, opener, closer, between in (
        ("one", "{", "", BETWEEN),
        ("double", "{{", "}", ()),
        ("list", "[{", "]", (",",)),
    )
)


@cache
def is_loose(text: str) -> bool:
    """Whether this text is, or begins with, the lead of a loose form."""
    return any(form.leads(text) for form in FORMS)


@dataclass(frozen=True, slots=True, order=True)
class Fence:
    """The marks that a family puts around calls in JSON, where a model of another family writes them."""

    open: str
    close: str

    @property
    def marker(self) -> str:
        return self.open
