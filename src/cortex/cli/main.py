"""`cortex`: the entry point and the global options. Every error ends here as one line on stderr and an exit code.

Exit codes: 0 done, 1 it failed, 2 the command line was not understood, 130 interrupted.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cortex import __version__, config
from cortex.cli import dialects, models, pull, run, server
from cortex.cli.state import State
from cortex.core.errors import CortexError

app = typer.Typer(
    name="cortex",
    help="Run open models on your own machine, with tool calls that are always right in form.",
    epilog="Example: cortex run -d qwen2.5-coder:1.5b",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
run.register(app)
server.register(app)
pull.register(app)
app.add_typer(models.app)
app.add_typer(dialects.app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"v{__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    config_file_path: Annotated[Path | None, typer.Option("--config_file_path", help="Use this .cortexrc.")] = None,
    data_folder_path: Annotated[
        Path | None, typer.Option("--data_folder_path", help="Keep models, logs and the database here.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tell on stderr what happens.")] = False,
    version: Annotated[
        bool, typer.Option("--version", "-v", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    logging.basicConfig(level=logging.DEBUG if verbose else logging.ERROR, format="%(name)s: %(message)s")
    context.obj = State(config.Flags(config_file_path, data_folder_path), verbose)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line `arguments` (None: the process's own), then exit."""
    try:
        app(args=list(arguments) if arguments is not None else None)
    except CortexError as error:
        _fail(f"Error: {error.message}", 1)
    except KeyboardInterrupt:
        _fail("Interrupted.", 130)
    except BrokenPipeError:  # the reader of our output has gone; nothing is left to be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _fail(line: str, code: int) -> None:
    typer.echo(line, err=True)
    sys.exit(code)
