"""The one seam between the pure core and anything that owns weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from cortex.core.errors import BadRequest
from cortex.core.job import Cut, Failure, Job, Piece, Segment
from cortex.core.load import Load

__all__ = ["Engine", "EngineClass", "Load", "Progress", "check_tokens"]

Progress = Callable[[float], None]  # told the loaded fraction, 0 to 1


class Engine(Protocol):
    """Called from one thread only.

    `context` is the most tokens that one request's prompt and reply may take together.
    `submit` raises `BadRequest` for what cannot be run (a grammar that does not compile, a prompt that is too long);
    it never decodes. `step` runs one decode for all jobs at once and returns what it gave; with nothing to do it
    returns []. `cancel` frees the job's place at once; an unknown number is no error. `busy` says whether a step
    would do anything. `tokenize` cuts a text into tokens; `whole` puts those around it that the model wants at the ends
    of a text. It raises `BadRequest` for a token that there is not.
    """

    context: int

    @property
    def busy(self) -> bool: ...
    def submit(self, number: int, job: Job) -> None: ...
    def step(self) -> list[Piece | Failure]: ...
    def cancel(self, number: int) -> None: ...
    def tokenize(self, prompt: Sequence[Segment], *, whole: bool) -> Cut: ...
    def close(self) -> None: ...


class EngineClass(Protocol):
    """How a runner makes an engine. Raises `LoadError` with a line that says what to do."""

    def __call__(self, load: Load, progress: Progress) -> Engine: ...


def check_tokens(prompt: Sequence[Segment], size: int, source: str) -> None:
    """BadRequest for a token that a vocabulary of this size does not have."""
    for segment in prompt:
        for token in segment.tokens:
            if not 0 <= token < size:
                raise BadRequest(f"there is no token {token}: the model has {size} tokens", param=source)
