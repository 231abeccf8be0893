"""A text that is continued as it is: no template, no grammar. Nothing is read in what the model says: it is text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cortex.core.events import Event, Text
from cortex.core.inline import Inline
from cortex.core.job import Job, Part


@dataclass(frozen=True, slots=True)
class Passage:
    """One text to continue, and what ends the continuation: what a `Plan` is for a chat."""

    job: Job
    stop: tuple[str, ...] = ()

    def parts(self) -> tuple[Part, ...]:
        """As those of a plan. There is no grammar but the client's own."""
        return () if self.job.grammar is None else (Part("grammar", self.job.grammar),)

    def inline(self) -> Inline:
        return Inline(("", ""), "apart")  # nothing comes that could be put inside

    def parser(self, new_id: Callable[[str], str]) -> Verbatim:
        return Verbatim()


@dataclass(frozen=True, slots=True)
class Verbatim:
    """The parser that reads nothing."""

    def feed(self, text: str) -> list[Event]:
        return [Text(text)]

    def flush(self) -> list[Event]:
        return []
