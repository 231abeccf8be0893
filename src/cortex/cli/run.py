"""`cortex run`: pull if need be, start the server, load the model, and chat or leave it running."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cortex.cli import show
from cortex.cli.state import Context, State, state
from cortex.core.errors import BadRequest, NotFound

if TYPE_CHECKING:
    from cortex.models.store import Model


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: cortex run -d qwen2.5-coder:1.5b")(run)


def run(
    context: typer.Context,
    model_id: Annotated[str, typer.Argument(help="A model's id, or what `cortex pull` understands.")] = "",
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Leave the model running and return.")] = False,
    ctx_len: Context = None,
) -> None:
    """Run a model: downloaded if need be, served, and chatted with here."""
    from cortex.cli import background, loading

    here = state(context)
    model = _model(here, model_id)
    background.ensure(here)
    loading.load(here.api(), model.id, context=ctx_len)
    if detach:
        show.say(loading.done(model.id))
        return
    from cortex.cli.chat import chat

    chat(here.api(), model.id)


def _model(state: State, name: str) -> Model:
    from cortex.models.pull import local

    if not name:
        return _choose(state)
    found = local(state.store(), name)
    if found:
        return found
    from cortex.cli.pull import pulled

    return pulled(state, name)


def _choose(state: State) -> Model:
    """The only model, or the one that is picked from a menu."""
    models = state.store().list()
    if not models:
        raise NotFound("No local models available! Name one: `cortex run qwen2.5-coder:1.5b`")
    if len(models) == 1:
        return models[0]
    if not sys.stdin.isatty():
        raise BadRequest(f"Say which model to run: {', '.join(model.id for model in models)}")
    show.say("Please select an option")
    for number, model in enumerate(models, 1):
        show.say(f"    {number}. {model.id}")
    answer = input(f"\nSelect an option (1-{len(models)}): ").strip()
    if not answer.isdecimal() or not 1 <= int(answer) <= len(models):
        raise BadRequest("Invalid selection")
    return models[int(answer) - 1]
