"""`cortex pull`: a model from its sources to this machine. Works with and without a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cortex.cli import show
from cortex.cli.state import State, state

if TYPE_CHECKING:
    from cortex.models.store import Model


def register(app: typer.Typer) -> None:
    app.command("pull", epilog="Example: cortex pull qwen2.5-coder:1.5b")(command)


def command(
    context: typer.Context,
    model_id: Annotated[str, typer.Argument(help="A known name, name:branch, or author/Repo/file.gguf.")],
) -> None:
    """Download a model. An interrupted download goes on where it stopped."""
    pulled(state(context), model_id)


def pulled(state: State, name: str) -> Model:
    """Pull with progress shown. The model that came."""
    from cortex.models.pull import pull

    with show.Downloading() as watch:
        model = pull(state.store(), name, watch, token=state.config().huggingface_token)
    show.say(f"Model {model.id} downloaded successfully!")
    return model
