"""The errors of who types: the command line cannot be obeyed as it stands. They end with exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cortex.core.errors import BadRequest, CortexError


class Misuse(CortexError):
    """The command line is not understood, or leaves open what is meant where nobody can be asked."""

    code = "misuse"


@contextmanager
def values_of_the_command_line() -> Iterator[None]:
    """A `BadRequest` in here is about a value that was typed."""
    try:
        yield
    except BadRequest as error:
        raise Misuse(error.message, param=error.param) from error
