"""Menus as the original drew them. Never waits for an answer that nobody can give."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import typer

from cortex.cli.lines import typed
from cortex.cli.misuse import Misuse


@dataclass(frozen=True, slots=True)
class Block:
    """Some items of a menu under one title. `notes` stand behind the items that have one."""

    title: str
    items: Sequence[str]
    notes: Mapping[str, str] = field(default_factory=dict)


def choose(blocks: Sequence[Block], *, what: str, prompt: str = "Select an option", default: str = "") -> str:
    """The item that the user picks by its number; an empty line picks the default, where there is one.

    `what` begins the sentence for those who cannot be asked: `Say which model to run`.
    """
    items = [item for block in blocks for item in block.items]
    if not sys.stdin.isatty():
        raise Misuse(f"{what}: {', '.join(items)}")
    for line in drawn(blocks, default):
        typer.echo(line, err=True)
    while True:
        answer = asked(f"\n{prompt} (1-{len(items)}): ").strip()
        if not answer and default:
            return default
        if answer.isdecimal() and 1 <= int(answer) <= len(items):
            return items[int(answer) - 1]
        typer.echo("Invalid selection", err=True)


def drawn(blocks: Sequence[Block], default: str) -> Iterator[str]:
    number = 0
    for place, block in enumerate(blocks):
        yield f"{chr(10) if place else ''}{block.title}"
        for item in block.items:
            number += 1
            yield f"    {number}. {item}{block.notes.get(item, '')}{' (default)' if item == default else ''}"


def asked(prompt: str) -> str:
    """A line that the user types after `prompt`. The end of input interrupts: there will be no answer."""
    try:
        return typed(prompt)
    except EOFError:
        typer.echo(err=True)
        raise KeyboardInterrupt from None
