"""`cortex start`, `stop`, `ps`: the server as a whole. Never one model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from cortex import config
from cortex.cli import settings, show
from cortex.cli.options import Row, options
from cortex.cli.state import Json, State, state
from cortex.config.file import persist
from cortex.config.paths import absolute
from cortex.core.errors import CortexError

PATIENCE = 30.0  # seconds that a server gets to end
PANEL = "Server"
Level = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]

# Options of the original that mean nothing here. They are no mistake in a script, but they are not obeyed silently.
IDLE: Final = {
    "logsllama": "llama.cpp's messages are in the one log",
    "logsonnx": "there is no ONNX engine",
    "loglines": "the log is not cut",
    "gh_agent": "nothing is fetched from GitHub",
    "ssl_cert_path": "put a proxy that speaks TLS before the server",
    "ssl_key_path": "put a proxy that speaks TLS before the server",
}


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: cortex start --port 39281", rich_help_panel=PANEL)(start)
    app.command(epilog="Example: cortex stop", rich_help_panel=PANEL)(stop)
    app.command(epilog="Example: cortex ps", rich_help_panel=PANEL)(ps)


@options({name: Row(why, hidden=True) for name, why in IDLE.items()}, into="idle")
@options(settings.START)
def start(
    context: typer.Context,
    values: Mapping[str, str],
    idle: Mapping[str, str],
    loglevel: Annotated[Level, typer.Option(case_sensitive=False, help="How much goes into the log.")] = "INFO",
    logspath: Annotated[Path | None, typer.Option(help="The folder of the log.")] = None,
    datapath: Annotated[Path | None, typer.Option(help="As --data_folder_path.")] = None,
    strict_fields: Annotated[
        bool, typer.Option("--strict-fields", help="Refuse requests with fields that nobody knows.")
    ] = False,
) -> None:
    """Start the server in the background.

    Every setting that is given is kept in .cortexrc.
    """
    from cortex.cli import background

    for name in idle:
        show.warn(f"Warning: --{name} has no effect: {IDLE[name]}")
    here = state(context)
    with unless_it_fails(here.config().file):
        asked = _kept(here, values, logspath, datapath)
        started = background.ensure(asked, *_flags(loglevel, strict_fields=strict_fields))
    if not started:
        show.note("The server has already started")
        if values or logspath or datapath:
            show.warn("What was given holds from its next start on: `cortex stop`, then `cortex start`.")


@contextmanager
def unless_it_fails(file: Path) -> Iterator[None]:
    """What is written into `file` meanwhile stays there only if nothing is raised: what no server starts with would
    keep every later one from starting."""
    before = file.read_bytes() if file.exists() else None
    try:
        yield
    except (CortexError, KeyboardInterrupt):
        if before is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(before)
        raise


def _flags(loglevel: str, *, strict_fields: bool) -> list[str]:
    return ["--loglevel", loglevel, *(["--strict-fields"] if strict_fields else [])]


def _kept(here: State, given: Mapping[str, str], logs: Path | None, data: Path | None) -> State:
    """The state with what was given, which is checked and then kept in `.cortexrc`."""
    folder = here.flags.data_folder or data
    file = here.config().file
    changes: dict[str, Any] = settings.keyed(settings.values(given))
    if folder:
        changes |= {"dataFolderPath": str(absolute(folder)), "logFolderPath": str(absolute(folder))}
    if logs:
        changes["logFolderPath"] = str(absolute(logs))
    if changes:
        persist(file, changes)
    return State(config.Flags(here.flags.file, here.flags.data_folder, settings=given), here.verbose)


def stop(context: typer.Context) -> None:
    """Stop the server and everything that it runs."""
    api = state(context).api()
    if not api.alive():
        other = " (another program listens there)" if api.taken() else ""
        raise CortexError(f"Failed to stop server: no server runs at {api.url}{other}")
    api.call("DELETE", "/processManager/destroy")
    deadline = time.monotonic() + PATIENCE
    while api.taken():
        if time.monotonic() > deadline:
            raise CortexError(f"Failed to stop server: it still listens at {api.url} after {PATIENCE:.0f} seconds")
        time.sleep(0.05)
    show.note("Server stopped!")


def ps(context: typer.Context, as_json: Json = False) -> None:
    """Show the models that are loaded."""
    api = state(context).api()
    running = api.alive()
    models = api.call("GET", "/inferences/server/models").get("data", []) if running else []
    if as_json:
        show.data(models)
    else:
        show.listing(
            ("Model", "Engine", "RAM", "VRAM", "Up time"), [_row(model) for model in models], none="No models loaded!"
        )
    if not running:
        show.warn(f"No server runs at {api.url}; start it with `cortex start`.")


def _row(model: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(model["id"]),
        str(model.get("engine", "")),
        show.size(model.get("ram") or 0),
        show.size(model.get("vram") or 0),
        show.duration(model.get("uptime") or 0),
    )
