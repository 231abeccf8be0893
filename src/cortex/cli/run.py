"""`cortex run`: pull if need be, start the server, load the model, and chat or leave it running."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cortex.cli import settings, show
from cortex.cli.choice import local_model, only_model
from cortex.cli.hardware import numbers, use
from cortex.cli.options import options
from cortex.cli.state import state


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: cortex run -d qwen2.5-coder:1.5b", rich_help_panel="Common Commands")(run)


@options(settings.LOAD, into="loading")
def run(
    context: typer.Context,
    loading: Mapping[str, str],
    model_id: Annotated[
        str, typer.Argument(help="A model's id, enough of it, or what `cortex pull` understands.")
    ] = "",
    gpus: Annotated[str, typer.Option("--gpus", help="Use these GPUs, as '[0, 1]', for all models.")] = "",
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Leave the model running and return.")] = False,
    tools: Annotated[
        Path | None, typer.Option("--tools", help="Offer the model these tools (OpenAI's JSON); type what they return.")
    ] = None,
) -> None:
    """Run a model: downloaded if need be, served, and chatted with here.

    Without a model: the only one there is, or one picked from a menu. In the chat, `/help` shows what can be done.
    """
    from cortex.cli import background
    from cortex.cli.chat_commands import read_tools
    from cortex.cli.loading import done, load

    here, asked, wanted = state(context), settings.values(loading), numbers(gpus)
    offered = read_tools(str(tools)) if tools else ()  # a mistake is told before anything is loaded
    model = local_model(here, model_id) if model_id else only_model(here)
    if model is None:
        from cortex.cli.pull import pulled

        model = pulled(here, model_id)
    background.ensure(here)
    use(here, wanted)
    load(here.api(), model.id, asked)
    if detach:
        show.note(done(model.id))
        return
    from cortex.cli.chat import chat

    history = here.config().data_folder / "chat_history.jsonl"
    chat(here.api(), model.id, history=history, tools=offered, counted=here.verbose)
