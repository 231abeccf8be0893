"""Finds where free text ends: at a marker, or at the lead of a loose call. Says how much of the text has to wait."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cortex.core.loose import SPACE, Form


@dataclass(frozen=True, slots=True)
class Found:
    """`what` was found, a marker or a form, between `start` and `end`."""

    what: str | Form
    start: int
    end: int


class Finder:
    """Looks for markers anywhere, and for the leads of forms at the beginning of a line."""

    def __init__(self, markers: Iterable[str], forms: Sequence[Form]) -> None:
        self.markers = tuple(filter(None, markers))
        self.forms = {form.name: form for form in forms}
        self._full = {fresh: self._compile(fresh, partial=False) for fresh in (True, False)}
        self._partial = {fresh: self._compile(fresh, partial=True) for fresh in (True, False)}

    def _compile(self, fresh: bool, *, partial: bool) -> re.Pattern[str]:
        # Possessive repeats, and no new line in the first: much white space takes linear time.
        line = rf"(?:\A{SPACE}+|\n[ \t\r]*+)" if fresh else r"\n[ \t\r]*+"
        end = r"\Z" if partial else ""
        each = [] if partial else [re.escape(marker) for marker in self.markers]
        for name, form in self.forms.items():
            rest = (form.partial if partial else form.lead).removeprefix(SPACE).replace(SPACE, f"{SPACE}+")
            each.append(f"(?P<{name}>{line}{rest}{end})")
        return re.compile("|".join(each) or "(?!)")

    def search(self, text: str, *, fresh: bool) -> Found | None:
        """The first marker or lead. `fresh`: the text begins a reply."""
        found = self._full[fresh].search(text)
        if not found:
            return None
        return Found(self.forms[found.lastgroup] if found.lastgroup else found[0], found.start(), found.end())

    def waiting(self, text: str, *, fresh: bool) -> int:
        """Length of the end of the text that may yet become something to find."""
        lead = self._partial[fresh].search(text)
        return max([len(text) - lead.start() if lead else 0, *(overlap(text, marker) for marker in self.markers)])


def overlap(text: str, marker: str) -> int:
    """Length of the longest end of `text` that begins `marker`."""
    return next((n for n in range(min(len(text), len(marker) - 1), 0, -1) if text.endswith(marker[:n])), 0)
