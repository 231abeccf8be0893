"""`cortex engines ...`: there is one, and it comes with Cortex. Never installs anything: says what is so, and how to
change it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from typing import Annotated

import typer

from cortex.cli import show
from cortex.cli.help import SHAPE, Commands
from cortex.cli.state import Json
from cortex.core.errors import CortexError

NAME = "llama-cpp"
COLUMNS = ("#", "Name", "Version", "Variant", "Status")

app = typer.Typer(
    name="engines",
    cls=Commands,
    help="The engine that computes replies: llama.cpp.",
    epilog="Example: cortex engines list",
    **SHAPE,
)
Name = Annotated[str, typer.Argument(help="The engine's name: llama-cpp.")]


def known(name: str = NAME) -> dict[str, str]:
    """The engine of this name, as `/v1/engines` words it, and its status. `NotFound` where there is no such engine."""
    from cortex.server.engines import engine, variant

    try:
        found = engine(name)
    except PackageNotFoundError:
        return {"name": NAME, "version": "", "variant": variant(), "status": "Not Installed"}
    return {"name": NAME, "version": found["version"], "variant": found["variant"], "status": "Default"}


@app.command("list", epilog="Example: cortex engines list")
def list_engines(as_json: Json = False) -> None:
    """List the engines."""
    _show(as_json=as_json)


@app.command(epilog="Example: cortex engines get llama-cpp")
def get(name: Name, as_json: Json = False) -> None:
    """Show one engine."""
    known(name)
    _show(as_json=as_json)


@app.command(epilog="Example: cortex engines install llama-cpp")
def install(
    name: Name,
    release: Annotated[str, typer.Option("--version", "-v", help="The version of llama.cpp's wheel.")] = "",
    source: Annotated[str, typer.Option("--source", "-s", help="A folder with an engine.")] = "",
    menu: Annotated[bool, typer.Option("--menu", "-m", help="Choose a version from a menu.")] = False,
) -> None:
    """Say whether the engine is there: it is installed with Cortex."""
    there = known(name)
    if source:
        raise CortexError(
            "an engine of your own is used, not installed: set CORTEX_LLAMA_LIBRARY to a libllama of the same build"
        )
    if not there["version"]:
        raise CortexError("the engine is missing: install it with `pip install xllamacpp`")
    if release and release.removeprefix("v") != there["version"]:
        raise CortexError(f"this Cortex runs {NAME} {there['version']} and no other. {_how(release)}")
    show.note(f"Engine {NAME} {there['version']} is installed: it comes with Cortex.")


@app.command(epilog="Example: cortex engines update llama-cpp")
def update(name: Name) -> None:
    """Say how the engine is updated: with Cortex."""
    known(name)
    raise CortexError(f"nothing was updated: {NAME} comes with Cortex. {_how('')}")


@app.command(epilog="Example: cortex engines use llama-cpp")
def use(name: Name) -> None:
    """Say which engine is used."""
    known(name)
    show.note(f"Engine {NAME} is in use. A model's own engine: `cortex models update --model_id ID --engine NAME`.")


@app.command(epilog="Example: cortex engines load llama-cpp")
def load(name: Name) -> None:
    """Say when the engine is loaded: with each model."""
    known(name)
    show.note(f"Engine {NAME} needs no loading: it is loaded with each model, in a process of its own.")


@app.command(epilog="Example: cortex engines unload llama-cpp")
def unload(name: Name) -> None:
    """Say how the engine is unloaded: with its models."""
    known(name)
    raise CortexError(
        "nothing was unloaded: the engine goes with its models, `cortex models stop MODEL` or `cortex stop`"
    )


@app.command(epilog="Example: cortex engines uninstall llama-cpp")
def uninstall(name: Name) -> None:
    """Say why the engine stays: it is part of Cortex."""
    known(name)
    raise CortexError(
        f"nothing was uninstalled: {NAME} is part of Cortex, and goes with it: `pip uninstall cortex-llm`"
    )


def _show(*, as_json: bool) -> None:
    found = known()
    if as_json:
        show.data([found])
    else:
        show.listing(COLUMNS, [("1", found["name"], found["version"], found["variant"], found["status"])], none="")


def _how(release: str) -> str:
    which = f"A release that brings {release} would be needed" if release else "To update it"
    return f"{which}: `pip install --upgrade cortex-llm`"
