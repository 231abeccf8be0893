"""`cortex models ...`: what is on this machine, one by one. Only start and stop need the server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cortex.cli import fields, settings, show, sources
from cortex.cli.hardware import numbers, use
from cortex.cli.help import SHAPE, Commands
from cortex.cli.misuse import values_of_the_command_line
from cortex.cli.options import options
from cortex.cli.state import Json, state
from cortex.core.errors import CortexError

app = typer.Typer(
    name="models",
    cls=Commands,
    help="List, import, inspect, change, delete, start and stop models.",
    epilog="Example: cortex models list",
    **SHAPE,
)

app.add_typer(sources.app)

NOT_LOADED = (400, 404)  # what a server answers that is to stop a model which it does not run, or does not have

Id = Annotated[str, typer.Argument(help="The model's id, or enough of it to be the only one.")]
WholeId = Annotated[str, typer.Argument(help="The model's whole id.")]


@app.command("list", epilog="Example: cortex models list coder --engine")
def list_models(
    context: typer.Context,
    filter: Annotated[str, typer.Argument(help="Show only ids that contain this, in any case.")] = "",
    engine: Annotated[bool, typer.Option("--engine", "-e", help="Show each model's engine.")] = False,
    version: Annotated[bool, typer.Option("--version", "-v", help="Show each model's version.")] = False,
    cpu_mode: Annotated[bool, typer.Option("--cpu_mode", help="Show the memory needed without a GPU.")] = False,
    gpu_mode: Annotated[bool, typer.Option("--gpu_mode", help="Show the memory needed with a GPU.")] = False,
    available: Annotated[bool, typer.Option("--available", help="Also those that could be pulled.")] = False,
    as_json: Json = False,
) -> None:
    """List the models on this machine."""
    from cortex.cli.cards import cards

    memory = cpu_mode or gpu_mode or as_json
    found = cards(state(context), filter=filter, available=available, memory=memory)
    if as_json:
        show.data([card.shown() for card in found])
        return
    wanted = {"Engine": engine, "Version": version, "CPU Mode": cpu_mode, "GPU Mode": gpu_mode, "Status": available}
    columns = [column for column, asked in wanted.items() if asked]
    rows = [(str(number), card.id, *(card.cell(column) for column in columns)) for number, card in enumerate(found, 1)]
    none = f"No model's id contains {filter}." if filter else "No local models available!"
    show.listing(("(Index)", "ID", *columns), rows, none=none)


@app.command(epilog="Example: cortex models get llama3.1:8b-gguf-q4-km")
def get(context: typer.Context, model_id: Id) -> None:
    """Show what is known of a model, as JSON: its settings and what its file says."""
    from cortex.models.describe import describe

    show.data(describe(state(context).store().find(model_id)))


@app.command("import", epilog="Example: cortex models import --model_id llama3.1:8b-gguf-q4-km --model_path FILE.gguf")
def import_model(
    context: typer.Context,
    model_path: Annotated[Path, typer.Option("--model_path", help="The GGUF file; of a split one, its first part.")],
    model_id: Annotated[
        str, typer.Option("--model_id", help="Any id, by which commands and requests name it; else the file's name.")
    ] = "",
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy the file into the data folder; else it stays there.")
    ] = False,
) -> None:
    """Give a GGUF file on this machine an id."""
    from cortex.cli.progress import Downloading
    from cortex.models import importing

    with Downloading() as watch:
        model = importing.add(state(context).store(), model_id or None, model_path, copy=copy, watch=watch)
    show.note(f"Successfully import model from  '{model_path}' for modelID '{model.id}'.")


@app.command(epilog="Example: cortex models delete smollm2:135m")
def delete(context: typer.Context, model_id: WholeId) -> None:
    """Remove a model, stopped first. An imported file stays where it is."""
    from cortex.cli.api import Down, Refused

    here = state(context)
    store, api = here.store(), here.api()
    store.get(model_id)
    if api.alive():
        try:
            api.call("POST", "/v1/models/stop", {"model": model_id})
        except (Refused, Down) as error:
            if not isinstance(error, Refused) or error.answer not in NOT_LOADED:
                raise CortexError(f"Failed to delete model: {error.message}") from error
    store.delete(model_id)
    show.note(f"Model {model_id} deleted successfully")


app.command("remove", hidden=True)(delete)  # as the original's documentation had it


@app.command(epilog="Example: cortex models alias gpt-4o-mini qwen2.5-coder:1.5b")
def alias(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The further name.")],
    model_id: Annotated[
        str, typer.Argument(help="The model that it names; without it, the one it names is shown.")
    ] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the name away.")] = False,
) -> None:
    """Give a model a further name, by which commands and requests may name it."""
    store = state(context).store()
    if remove:
        store.unalias(name)
        show.note(f"Removed alias: {name}")
    elif model_id:
        model = store.alias(store.find(model_id).id, name)
        show.note(f"{name} names the model {model.id}")
    else:
        show.say(store.find(name).id)


@app.command(epilog="Example: cortex models update --model_id smollm2:135m --temperature 0.2 --ctx_len 4096")
@options(fields.ROWS)
def update(
    context: typer.Context,
    values: Mapping[str, str],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="Settings as KEY=VALUE (KEY= takes one back), behind the id where --model_id is not given."
        ),
    ] = None,
    model_id: Annotated[str, typer.Option("--model_id", help="The model's whole id.")] = "",
) -> None:
    """Change a model's settings; they hold from its next start on.

    An empty value ("") takes a setting back to its default.
    """
    id, pairs = (model_id, words or []) if model_id else fields.named(words or [])
    with values_of_the_command_line():
        wanted = fields.changes(values, pairs)
    state(context).store().update(id, wanted)
    show.note(f"Successfully updated model ID '{id}'!")


@app.command(epilog="Example: cortex models start smollm2:135m --ctx_len 4096")
@options(settings.LOAD, into="loading")
def start(
    context: typer.Context,
    loading: Mapping[str, str],
    model_id: Id,
    gpus: Annotated[str, typer.Option("--gpus", help="Use these GPUs, as '[0, 1]', for all models.")] = "",
) -> None:
    """Load a model; starts the server if none runs."""
    from cortex.cli import background
    from cortex.cli.loading import done, load

    here, asked, wanted = state(context), settings.values(loading), numbers(gpus)
    id = here.store().find(model_id).id
    background.ensure(here)
    use(here, wanted)
    load(here.api(), id, asked)
    show.note(done(id))


@app.command(epilog="Example: cortex models stop smollm2:135m")
def stop(context: typer.Context, model_id: Id) -> None:
    """Take a model out of memory."""
    here = state(context)
    try:
        here.api().call("POST", "/v1/models/stop", {"model": here.store().find(model_id).id}, patience=60)
    except CortexError as error:
        raise CortexError(f"Failed to stop model: {error.message}") from error
    show.note("Model stopped!")
