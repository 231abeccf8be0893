"""The terminal itself: what it can show. Never reads from it, and leaves it as it was."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def animates() -> bool:
    """Whether stderr is a terminal where what has been shown can be drawn over."""
    return sys.stderr.isatty() and not _dumb()


def colours() -> bool:
    """Whether a terminal is to be told of colours (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and not _dumb()


def _dumb() -> bool:
    return os.environ.get("TERM", "") in ("", "dumb", "unknown")


@contextmanager
def unechoed() -> Iterator[None]:
    """The terminal does not show what is typed meanwhile: it would stand in the middle of what is shown. It is
    not lost."""
    if not sys.stdin.isatty():
        yield
        return
    import termios

    before = termios.tcgetattr(sys.stdin)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(sys.stdin, termios.TCSANOW, silent)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, before)
