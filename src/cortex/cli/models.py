"""`cortex models ...`: what is on this machine, one by one. Only start and stop need the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cortex.cli import show
from cortex.cli.state import Context, state
from cortex.core.errors import BadRequest, CortexError

app = typer.Typer(name="models", help="List, import, inspect, delete, start and stop models.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="The model's id, or enough of it to be the only one.")]


@app.command("list", epilog="Example: cortex models list coder")
def list_models(
    context: typer.Context,
    filter: Annotated[str, typer.Argument(help="Show only ids that contain this.")] = "",
) -> None:
    """List the models on this machine."""
    found = [model.id for model in state(context).store().list() if filter.lower() in model.id.lower()]
    rows = [(str(number), id) for number, id in enumerate(found, 1)]
    show.say(show.table(("(Index)", "ID"), rows) if rows else "No local models available!")


@app.command(epilog="Example: cortex models get llama3.1:8b-gguf-q4-km")
def get(context: typer.Context, model_id: Id) -> None:
    """Show what is known of a model, as JSON: its settings and what its file says."""
    from cortex.models.describe import describe

    show.say(json.dumps(describe(state(context).store().find(model_id)), indent=2, ensure_ascii=False))


@app.command("import", epilog="Example: cortex models import --model_id llama3.1:8b-gguf-q4-km --model_path FILE.gguf")
def import_model(
    context: typer.Context,
    model_id: Annotated[str, typer.Option("--model_id", help="Any id; commands and requests name the model by it.")],
    model_path: Annotated[Path, typer.Option("--model_path", help="The GGUF file. It stays where it is.")],
) -> None:
    """Give a GGUF file on this machine an id."""
    from cortex.models import importing

    importing.add(state(context).store(), model_id, model_path)
    show.say(f"Successfully import model from  '{model_path}' for modelID '{model_id}'.")


@app.command(epilog="Example: cortex models delete smollm2:135m")
def delete(context: typer.Context, model_id: Annotated[str, typer.Argument(help="The model's whole id.")]) -> None:
    """Remove a model. An imported file stays where it is."""
    from cortex.cli.api import Refused

    here = state(context)
    store, api = here.store(), here.api()
    store.get(model_id)
    if api.alive():
        try:
            api.call("POST", "/v1/models/stop", {"model": model_id})
        except Refused as error:  # it was not loaded
            if error.answer >= 500:
                raise CortexError(f"Failed to delete model: {error.message}") from error
    store.delete(model_id)
    show.say(f"Model {model_id} deleted successfully")


app.command("remove", hidden=True)(delete)  # as the original's documentation had it


@app.command(epilog="Example: cortex models update --model_id smollm2:135m dialect=hermes ctx_len=4096")
def update(
    context: typer.Context,
    changes: Annotated[list[str], typer.Argument(help="KEY=VALUE; KEY= takes the setting back.")],
    model_id: Annotated[str, typer.Option("--model_id", help="The model's whole id.")],
) -> None:
    """Change a model's settings; they hold from its next start on."""
    state(context).store().update(model_id, dict(_change(change) for change in changes))
    show.say(f"Successfully updated model ID '{model_id}'!")


def _change(text: str) -> tuple[str, Any]:
    from cortex.models.settings import KEYS

    key, equals, value = text.partition("=")
    if not equals:
        raise BadRequest(f"write KEY=VALUE, not {text!r}")
    if not value:
        return key, None
    if str in KEYS.get(key, ()):
        return key, value
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


@app.command(epilog="Example: cortex models start smollm2:135m")
def start(context: typer.Context, model_id: Id, ctx_len: Context = None) -> None:
    """Load a model; starts the server if none runs."""
    from cortex.cli import background, loading

    here = state(context)
    id = here.store().find(model_id).id
    background.ensure(here)
    loading.load(here.api(), id, context=ctx_len)
    show.say(loading.done(id))


@app.command(epilog="Example: cortex models stop smollm2:135m")
def stop(context: typer.Context, model_id: Id) -> None:
    """Take a model out of memory."""
    here = state(context)
    try:
        here.api().call("POST", "/v1/models/stop", {"model": here.store().find(model_id).id}, patience=60)
    except CortexError as error:
        raise CortexError(f"Failed to stop model: {error.message}") from error
    show.say("Model stopped!")
