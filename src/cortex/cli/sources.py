"""`cortex models sources ...`: the repositories that a person keeps in a list to pull from. Never downloads a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cortex.cli import show
from cortex.cli.help import SHAPE, Commands
from cortex.cli.state import Json, State, state

if TYPE_CHECKING:
    from cortex.models.repositories import Repositories

app = typer.Typer(
    name="sources",
    cls=Commands,
    help="The repositories that are kept in a list; `cortex models list --available` shows what they have.",
    epilog="Example: cortex models sources list",
    **SHAPE,
)
Source = Annotated[str, typer.Argument(help="A repository of Hugging Face, as author/Repo or by its address.")]


@app.command(epilog="Example: cortex models sources add bartowski/Qwen2.5-7B-Instruct-GGUF")
def add(context: typer.Context, source: Source) -> None:
    """Keep a repository in the list. It is asked what it has."""
    repositories(state(context)).add(source)
    show.note(f"Added model source: {source}")


@app.command(epilog="Example: cortex models sources remove bartowski/Qwen2.5-7B-Instruct-GGUF")
def remove(context: typer.Context, source: Source) -> None:
    """Take a repository out of the list. Models that came from it stay."""
    repositories(state(context)).remove(source)
    show.note(f"Removed model source: {source}")


@app.command("list", epilog="Example: cortex models sources list --json")
def list_sources(context: typer.Context, as_json: Json = False) -> None:
    """List the repositories, and the built-in catalogue."""
    rows = repositories(state(context)).list()
    if as_json:
        show.data(rows)
    else:
        cells = [(str(number), row["id"]) for number, row in enumerate(rows, 1)]
        show.listing(("#", "Model Source"), cells, none="")


def repositories(here: State) -> Repositories:
    from cortex.models.repositories import Repositories
    from cortex.models.sources import network

    config = here.config()
    network.use(config)
    config.data_folder.mkdir(parents=True, exist_ok=True)
    return Repositories(config.data_folder, lambda: config.huggingface_token)
