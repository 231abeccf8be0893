"""How things look: results on stdout, messages, tables, sizes, times. Warnings go to stderr; never the reverse."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import typer

NARROW = 10  # columns that a cell keeps, however narrow the terminal is
_hushed = False


def hush(wanted: bool) -> None:
    """Whether this process says nothing but results and errors."""
    global _hushed
    _hushed = wanted


def hushed() -> bool:
    return _hushed


def say(line: str) -> None:
    """A result: what was asked for."""
    typer.echo(line)


def note(line: str) -> None:
    """A message: what was done. `--quiet` leaves it out."""
    if not _hushed:
        typer.echo(line)


def warn(line: str) -> None:
    """Something that the user should know, beside the result."""
    typer.secho(line, err=True)


def dim(text: str, *, nl: bool = True) -> None:
    """An aside, on stderr."""
    typer.secho(text, dim=True, nl=nl, err=True)


def data(value: Any) -> None:
    """A result as JSON."""
    say(json.dumps(value, indent=2, ensure_ascii=False))


def listing(columns: Sequence[str], rows: Sequence[Sequence[str]], *, none: str) -> None:
    """A table that fits the terminal, or a sentence where it would be empty."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    say(table(columns, rows, width=width) if rows else none)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """A table as the original drew it, with a rule after every row. Cells wrap where it would be wider than `width`;
    where not even that helps, each row is a list of its cells."""
    widths = [max(map(_wide, column)) for column in zip(columns, *rows, strict=True)]
    if width:
        words = [
            max(_wide(word) for cell in column for word in cell.split()) for column in zip(columns, *rows, strict=True)
        ]
        room = width - 3 * len(widths) - 1
        # Cells are broken between words first, and inside of words only where that is not enough.
        widths = _fitted(_fitted(widths, room, words), room, [NARROW] * len(widths))
        if sum(widths) > room:
            return "\n\n".join(_listed(columns, row, width) for row in rows)
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    return "\n".join([rule, *(part for row in (columns, *rows) for part in (*_lines(row, widths), rule))])


def _listed(columns: Sequence[str], row: Sequence[str], width: int) -> str:
    """A row as lines, each with the name of its column before it."""
    indent = max(map(_wide, columns)) + 2
    lines = []
    for column, cell in zip(columns, row, strict=True):
        first, *more = _wrapped(cell, max(NARROW, width - indent))
        name = f"{column}:"
        lines += [f"{name}{' ' * (indent - _wide(name))}{first}", *(" " * indent + line for line in more)]
    return "\n".join(lines)


def _fitted(widths: Sequence[int], room: int, least: Sequence[int]) -> list[int]:
    """The widths, the widest made narrower one by one until all fit into `room`, or none is wider than its `least`."""
    fitted = list(widths)
    while sum(fitted) > room:
        width, place = max((width, place) if width > least[place] else (0, place) for place, width in enumerate(fitted))
        if not width:
            break
        fitted[place] -= 1
    return fitted


def _lines(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    cells = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, cells))):
        parts = [cell[number] if number < len(cell) else "" for cell in cells]
        padded = (part + " " * (width - _wide(part)) for part, width in zip(parts, widths, strict=True))
        yield "|" + "|".join(f" {part} " for part in padded) + "|"


def _wrapped(cell: str, width: int) -> list[str]:
    if _wide(cell) <= width:
        return [cell]
    return [part for line in textwrap.wrap(cell, width, break_on_hyphens=False) for part in _cut(line, width)]


def _cut(line: str, width: int) -> Iterator[str]:
    """A line with wide letters in pieces that fit."""
    while _wide(line) > width:
        end = next(end for end in range(len(line), 0, -1) if _wide(line[:end]) <= width)
        yield line[:end]
        line = line[end:]
    yield line


def _wide(text: str) -> int:
    """The columns that a text takes on a terminal."""
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)


def size(count: float) -> str:
    """`308.23 MB`: units of 1024, two decimals."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} TB"


def duration(seconds: float) -> str:
    """`1 hour, 5 minutes, 45 seconds`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    counts = {"day": days, "hour": hour, "minute": minute, "second": second}
    words = [f"{count} {unit}{'' if count == 1 else 's'}" for unit, count in counts.items() if count]
    return ", ".join(words) or "0 seconds"
