"""The chat of `cortex run`: messages and commands in, replies out. What a command does is in `chat_commands`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from cortex.cli import chat_commands
from cortex.cli.api import Api, Refused
from cortex.cli.lines import Lines
from cortex.cli.talk import Talk
from cortex.core.errors import BadRequest

HINT = "In order to exit, type `exit()`"


def chat(api: Api, model: str, *, history: Path, tools: Sequence[Any] = (), counted: bool = False) -> None:
    """Talk with `model` until `exit()` or the end of input. A chat that is not at a terminal ends with its first error.

    Raises `KeyboardInterrupt` there too: at a terminal, Ctrl-C stops a reply or clears the line.
    """
    lines = Lines(history)
    talk = Talk(api, model, lines, counted=counted)
    if tools:
        chat_commands.offer(talk, tools)
    if lines.terminal:
        typer.echo(f"{HINT}, for help `/help`", err=True)
    while True:
        try:
            message = lines.ask("> " if lines.terminal else "")
        except EOFError:
            if lines.terminal:
                typer.echo(err=True)
            return
        except KeyboardInterrupt:
            if not lines.terminal:
                raise
            typer.echo(f"\n{HINT}", err=True)
            continue
        if message in ("exit()", "/exit", "/quit", "/bye"):
            return
        if message:
            _take(talk, message)


def _take(talk: Talk, message: str) -> None:
    """A command or a message."""
    try:
        if not chat_commands.obeyed(talk, message):
            talk.say(message.removeprefix("/") if message.startswith("//") else message)
    except (Refused, BadRequest) as error:
        if not talk.lines.terminal:
            raise
        typer.echo(f"Error: {error.message}", err=True)
    except (EOFError, KeyboardInterrupt):  # at the result of a call
        if not talk.lines.terminal:
            raise
        typer.echo("\n[taken back]", err=True)
    sys.stdout.flush()
