"""`cortex doctor`: what is wrong with this machine, a model or the port, and what to do. It changes nothing."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cortex.cli import show
from cortex.cli.state import Json, State, state
from cortex.core.errors import BadRequest

if TYPE_CHECKING:
    from cortex.cli.checks import Finding

COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}
INDENT = 6


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: cortex doctor qwen2.5-coder:1.5b", rich_help_panel="Server")(doctor)


def doctor(
    context: typer.Context,
    model_id: Annotated[str, typer.Argument(help="Look at this model only; else at all of them.")] = "",
    as_json: Json = False,
) -> None:
    """Say what is wrong with this machine, its models or the server, and what to do.

    Ends with 1 where something is bad, with 0 where there are only warnings.
    """
    findings = []
    for finding in _findings(state(context), model_id):
        findings.append(finding)
        if not as_json:
            _tell(finding)
    if as_json:
        show.data([asdict(finding) for finding in findings])
    else:
        show.note(_sum(findings))
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


def _findings(here: State, model_id: str) -> Iterator[Finding]:
    from cortex.cli.checks import Finding, machine, models, server

    try:
        config = here.config()
    except BadRequest as error:
        yield Finding("Configuration", "bad", error.message, "mend the file, or remove it: the defaults hold then")
        yield machine.engine()
        return
    database = False
    for finding in machine.checks(config):
        yield finding
        database = database or (finding.about, finding.state) == ("Database", "ok")
    yield from server.checks(config, here.api())
    if database or model_id:  # without a database there are no models, and none is made for the asking
        yield from models.checks(here.store(), model_id, loaded=server.loaded(here.api()))


def _tell(finding: Finding) -> None:
    typer.secho(f"{finding.state:<{INDENT}}", fg=COLOURS[finding.state], nl=False)
    typer.echo(_wrapped(f"{finding.about}: {finding.says}").lstrip())
    if finding.todo:
        typer.echo(_wrapped(f"To do: {finding.todo}"))


def _wrapped(text: str) -> str:
    """Indented; broken to the terminal's width, but not for a pipe."""
    indent = " " * INDENT
    if not sys.stdout.isatty():
        return indent + text
    width = max(40, shutil.get_terminal_size().columns)
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False,
                         break_long_words=False)  # fmt: skip


def _sum(findings: Sequence[Finding]) -> str:
    bad, warnings = (sum(finding.state == state for finding in findings) for state in ("bad", "warn"))
    if not bad and not warnings:
        return "Nothing is wrong."
    parts = [_count(bad, "problem"), _count(warnings, "warning")]
    return f"{' and '.join(part for part in parts if part)}."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""
