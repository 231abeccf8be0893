"""`cortex config ...`: the settings, shown and changed. A running server is told, and obeys at once where it can."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from cortex.cli import settings, show
from cortex.cli.help import SHAPE, Commands
from cortex.cli.options import options
from cortex.cli.state import Json, State, state
from cortex.config.file import persist
from cortex.config.table import NAMED

app = typer.Typer(
    name="config",
    cls=Commands,
    help="Show and change the settings; each change is kept in .cortexrc.",
    epilog="Example: cortex config --cors on --allowed_origins http://localhost:3000",
    invoke_without_command=True,
    **SHAPE | {"no_args_is_help": False},
)


@app.callback()
@options(settings.CONFIG)
def change(context: typer.Context, values: Mapping[str, str]) -> None:
    here = state(context)
    if context.invoked_subcommand:
        return
    if not values:
        _show(here, as_json=False)
        return
    _change(here, settings.values(values))


@app.command(epilog="Example: cortex config status")
def status(context: typer.Context, as_json: Json = False) -> None:
    """Show every setting with its value."""
    _show(state(context), as_json=as_json)


def _change(here: State, wanted: Mapping[str, Any]) -> None:
    """Keep the settings; a running server does it itself for those that it can obey at once."""
    api, config = here.api(), here.config()
    live = {name: value for name, value in wanted.items() if NAMED[name].live}
    late = {name: value for name, value in wanted.items() if not NAMED[name].live}
    running = api.alive()
    if live and running:
        api.call("PATCH", "/v1/configs", live)
    if kept := late if running else wanted:
        persist(config.file, settings.keyed(kept))
    show.note("Configuration updated successfully!")
    if late and running:
        show.warn(f"{', '.join(late)}: holds from the next start on: `cortex stop`, then `cortex start`.")


def _show(here: State, *, as_json: bool) -> None:
    """What the running server says holds; else what would hold if one were started."""
    from cortex.server.configuration import Configuration

    api, config = here.api(), here.config()
    known = api.call("GET", "/v1/configs") if api.alive() else Configuration(config).shown()
    if as_json:
        show.data(known)
    else:
        show.listing(("Config name", "Value"), list(_rows(known)), none="")


def _rows(known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """As the original had them: in the order of their names, a list with a row for each item."""
    for name, value in sorted(known.items()):
        items = value if isinstance(value, list) else [value]
        for item in items or [""]:
            yield name, item if isinstance(item, str) else json.dumps(item)
