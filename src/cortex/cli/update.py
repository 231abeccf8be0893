"""`cortex update`: says how. Cortex is a Python package, and what installed it is what updates it."""

from __future__ import annotations

import json
import sys
from importlib.metadata import PackageNotFoundError, distribution
from typing import Annotated, Any

import typer

from cortex import __version__
from cortex.cli import show
from cortex.core.errors import CortexError

PACKAGE = "cortex-llm"


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: cortex update", rich_help_panel="Configurations")(update)


def update(
    release: Annotated[str, typer.Option("--version", "-v", help="This version, not the newest.")] = "",
    server: Annotated[bool, typer.Option("--server", help="Only the server; it is the same package.")] = False,
) -> None:
    """Say how Cortex is updated: with pip. It fails, as nothing has been updated."""
    show.say(f"Cortex v{__version__} is a Python package, installed for {sys.executable}. To update it:")
    for line in _how(release.removeprefix("v")):
        show.say(f"    {line}")
    show.say("Then `cortex stop`, and `cortex start`: a running server goes on with the old one.")
    raise CortexError("nothing was updated")


def _how(release: str) -> list[str]:
    source = _checkout()
    if source:
        return [f"git -C {source} {f'checkout v{release}' if release else 'pull'}", f"make -C {source} setup"]
    wanted = f"'{PACKAGE}=={release}'" if release else PACKAGE
    return [f"{sys.executable} -m pip install --upgrade {wanted}"]


def _checkout() -> str | None:
    """The folder of the sources, where Cortex runs right out of them."""
    try:
        text = distribution(PACKAGE).read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    origin: dict[str, Any] = json.loads(text or "{}")
    editable = origin.get("dir_info", {}).get("editable", False)
    return str(origin["url"]).removeprefix("file://") if editable else None
