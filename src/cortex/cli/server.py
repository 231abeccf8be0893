"""`cortex start`, `stop`, `ps`: the server as a whole. Never one model."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from cortex import config
from cortex.cli import show
from cortex.cli.state import State, state
from cortex.core.errors import CortexError

PATIENCE = 30.0  # seconds that a server gets to end


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: cortex start --port 39281")(start)
    app.command(epilog="Example: cortex stop")(stop)
    app.command(epilog="Example: cortex ps")(ps)


def start(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Listen on this address; kept in .cortexrc.")] = None,
    port: Annotated[int | None, typer.Option("--port", "-p", help="Listen on this port; kept in .cortexrc.")] = None,
    strict_fields: Annotated[
        bool, typer.Option("--strict-fields", help="Refuse requests with fields that nobody knows.")
    ] = False,
    max_waiting: Annotated[
        str | None, typer.Option(help="How many requests may wait for one model (256); kept in .cortexrc.")
    ] = None,
    request_timeout: Annotated[
        str | None, typer.Option(help="How long a request may take to arrive (60s), or off; kept in .cortexrc.")
    ] = None,
) -> None:
    """Start the server in the background."""
    from cortex.cli import background

    flags = state(context).flags
    line = {"max_waiting": max_waiting, "request_timeout": request_timeout}
    more = {name: value for name, value in line.items() if value is not None}
    asked = State(config.Flags(flags.file, flags.data_folder, host, port, more), state(context).verbose)
    settings = asked.config()  # checks the values before they are kept
    given = {"apiServerHost": host, "apiServerPort": port, "dataFolderPath": flags.data_folder}
    given |= {config.NAMED[name].key: value for name, value in more.items()}
    kept = {key: _plain(value) for key, value in given.items() if value is not None}
    if kept:
        config.persist(settings.file, kept | ({"logFolderPath": kept["dataFolderPath"]} if flags.data_folder else {}))
    if not background.ensure(asked, *(["--strict-fields"] if strict_fields else [])):
        show.say("The server has already started")


def _plain(value: object) -> str:
    from pathlib import Path

    return str(value.expanduser().absolute()) if isinstance(value, Path) else str(value)


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
    show.say("Server stopped!")


def ps(context: typer.Context) -> None:
    """Show the models that are loaded."""
    api = state(context).api()
    running = api.alive()
    models = api.call("GET", "/inferences/server/models").get("data", []) if running else []
    if models:
        show.say(show.table(("Model", "Engine", "RAM", "VRAM", "Up time"), [_row(model) for model in models]))
        return
    show.say("No models loaded!")
    if not running:
        typer.echo(f"No server runs at {api.url}; start it with `cortex start`.", err=True)


def _row(model: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(model["id"]),
        str(model.get("engine", "")),
        show.size(model.get("ram") or 0),
        show.size(model.get("vram") or 0),
        show.duration(model.get("uptime") or 0),
    )
