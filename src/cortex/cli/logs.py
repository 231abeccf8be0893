"""`cortex logs`: the end of the server's log, and what comes. Never needs the server."""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TextIO

import typer

from cortex.cli import show
from cortex.cli.state import state
from cortex.core.errors import NotFound

PAUSE = 0.2  # seconds between two looks at the file


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: cortex logs --follow", rich_help_panel="Server")(logs)


def logs(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Begin with this many of the last lines.")] = 100,
    path: Annotated[bool, typer.Option("--path", help="Say only where the log is.")] = False,
) -> None:
    """Show the server's log."""
    log = state(context).config().log
    if path:
        show.say(str(log))
        return
    if not log.exists() and not follow:
        raise NotFound(f"there is no log yet: {log} is written by the server; start it with `cortex start`")
    with suppress(KeyboardInterrupt):  # the only way to end it
        _tell(log, lines, follow=follow)


def _tell(log: Path, lines: int, *, follow: bool) -> None:
    while not log.exists():
        time.sleep(PAUSE)
    last: int | None = lines
    while True:
        with log.open(encoding="utf-8", errors="replace") as file:
            for line in deque(file, maxlen=last):
                typer.echo(line, nl=False)
            if not follow:
                return
            _follow(log, file)
        last = None  # a new log is told from its beginning


def _follow(log: Path, file: TextIO) -> None:
    """Print what comes, until the log is cut or replaced."""
    while True:
        for line in file:
            typer.echo(line, nl=False)
        with suppress(FileNotFoundError):
            there = log.stat()
            if there.st_size < file.tell() or there.st_ino != os.fstat(file.fileno()).st_ino:
                return
        time.sleep(PAUSE)
