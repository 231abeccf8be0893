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
from cortex.cli import configs, dialects, doctor, engines, hardware, logs, models, pull, run, server, show, update
from cortex.cli.help import SHAPE, Commands, hoisted, line_of
from cortex.cli.misuse import Misuse
from cortex.cli.state import State
from cortex.cli.terminal import colours
from cortex.core.errors import CortexError

INTERRUPTED = 130

app = typer.Typer(
    name="cortex",
    cls=Commands,
    help="Run open models on your own machine, with tool calls that are always right in form.",
    invoke_without_command=True,
    epilog="Example: cortex run -d qwen2.5-coder:1.5b",
    **SHAPE | {"no_args_is_help": False},
)
run.register(app)
pull.register(app)
app.add_typer(models.app, rich_help_panel="Models")
app.add_typer(dialects.app, rich_help_panel="Models")
app.add_typer(engines.app, rich_help_panel="Engines")
app.add_typer(hardware.app, rich_help_panel="Hardware")
server.register(app)
logs.register(app)
doctor.register(app)
app.add_typer(configs.app, rich_help_panel="Configurations")
update.register(app)


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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results and errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", "-v", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    logging.basicConfig(level=logging.DEBUG if verbose else logging.ERROR, format="%(name)s: %(message)s", force=True)
    show.hush(quiet)
    context.color = None if colours() else False
    context.obj = State(config.Flags(config_file_path, data_folder_path), verbose)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line `arguments` (None: the process's own), then exit."""
    try:
        words = hoisted(sys.argv[1:] if arguments is None else arguments)
        code = app(args=words, prog_name="cortex", standalone_mode=False)
        if code == INTERRUPTED:  # Typer has caught the interrupt
            raise KeyboardInterrupt
        sys.exit(code)
    except typer.TyperException as error:
        _fail(line_of(error), error.exit_code)
    except Misuse as error:
        _fail(f"Error: {error.message}", 2)
    except CortexError as error:
        _fail(f"Error: {error.message}", 1)
    except (KeyboardInterrupt, typer.Abort):
        _fail("Interrupted.", INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has gone; nothing is left to be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"Error: {place}{error.strerror or error}", 1)


def _fail(line: str, code: int) -> None:
    typer.echo(line, err=True)
    sys.exit(code)
