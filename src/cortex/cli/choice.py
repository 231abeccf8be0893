"""Which model of this machine is meant: named, the only one, or picked from a menu. Never pulls one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortex.cli import show
from cortex.cli.menu import Block, choose
from cortex.cli.state import State
from cortex.core.errors import NotFound

if TYPE_CHECKING:
    from cortex.models.store import Model

WHICH = "Say which model to run"


def local_model(state: State, name: str) -> Model | None:
    """The model that `name` means: exactly, or as the only one that contains it, or picked; None: it is not here."""
    from cortex.models.store import Several
    from cortex.models.target import local

    store = state.store()
    try:
        return local(store, name)
    except Several as error:
        block = Block("Local Models: (press enter to select)", error.ids)
        chosen = choose([block], what=f"{WHICH}, {name} may be any of")
    show.note(f"Selected: {chosen}")
    return store.get(chosen)


def only_model(state: State) -> Model:
    """The only model, or the one that is picked from a menu."""
    store = state.store()
    models = store.list()
    if not models:
        raise NotFound("No local models available! Name one: `cortex run qwen2.5-coder:1.5b`")
    if len(models) == 1:
        return models[0]
    return store.get(choose([Block("Please select an option", [model.id for model in models])], what=WHICH))
