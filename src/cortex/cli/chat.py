"""The chat of `cortex run`: lines in, streamed replies out. Replies go to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import typer

from cortex.cli.api import Api, Refused

Messages = list[dict[str, str]]


def chat(api: Api, model: str) -> None:
    """Talk with `model` until `exit()` or the end of input. A piped chat ends with the first error."""
    terminal = sys.stdin.isatty()
    if terminal:
        typer.echo("In order to exit, type `exit()`", err=True)
    messages: Messages = []
    for line in _lines(terminal):
        messages.append({"role": "user", "content": line})
        try:
            messages.append({"role": "assistant", "content": _reply(api, model, messages)})
        except Refused as error:
            if not terminal:
                raise
            messages.pop()
            typer.echo(f"Error: {error.message}", err=True)


def _lines(terminal: bool) -> Iterator[str]:
    """What the user types, without empty lines. Ctrl-C at the prompt clears the line, as shells do."""
    if terminal:
        import readline  # noqa: F401 (gives `input` its history and line editing)
    while True:
        try:
            line = input("> " if terminal else "").strip()
        except EOFError:
            return
        except KeyboardInterrupt:
            if not terminal:
                raise
            typer.echo("\nIn order to exit, type `exit()`", err=True)
            continue
        if line == "exit()":
            return
        if line:
            yield line


def _reply(api: Api, model: str, messages: Messages) -> str:
    """Stream one reply to the screen; its text. Ctrl-C ends the reply, and what came of it stays in the talk."""
    said: list[str] = []
    body = {"model": model, "messages": messages, "stream": True}
    try:
        with closing(_texts(api, body)) as texts:
            for text in texts:
                said.append(text)
                typer.echo(text, nl=False)
                sys.stdout.flush()
    except KeyboardInterrupt:
        typer.echo(" [stopped]", nl=False, err=True)
    finally:
        typer.echo()
    return "".join(said)


def _texts(api: Api, body: dict[str, Any]) -> Generator[str, None, None]:
    """The visible text of the reply, piece by piece; thoughts are shown dimmed, and are no part of it."""
    with closing(api.stream("/v1/chat/completions", body)) as events:
        for event in events:
            delta = (event.get("choices") or [{}])[0].get("delta") or {}
            if thought := delta.get("reasoning_content"):
                typer.secho(thought, dim=True, nl=False, err=True)
            if text := delta.get("content"):
                yield text
