"""The help of every command as Markdown: `python -m cortex.cli.reference docs/cli.md` renews it in that document.

Never writes a text of its own: what stands there is what `--help` says, 80 columns wide.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from cortex.cli.help import SHAPE

MARK = "<!-- From here on: what `--help` says. Do not edit; `make docs` renews it. -->"


def pages() -> Iterator[tuple[str, str]]:
    """(the command's words, its help), for every command that is not hidden."""
    from cortex.cli.main import app

    yield from _pages(get_command(app), "cortex", None)


def _pages(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    context = typer.Context(command, info_name=name, parent=parent, terminal_width=80, **SHAPE["context_settings"])
    yield context.command_path, context.get_help()
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from _pages(inner, name, context)


def renewed(text: str) -> str:
    """The document with its second part anew."""
    head, mark, _ = text.partition(MARK)
    if not mark:
        raise SystemExit(f"the document has no line: {MARK}")
    return "\n".join([head + MARK, *(f"\n## {name}\n\n```text\n{help}\n```" for name, help in pages()), ""])


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(renewed(document.read_text(encoding="utf-8")), encoding="utf-8")
