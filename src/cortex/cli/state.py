"""What every command starts from: the configuration, the store and the server's client, each made when first asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cortex import config
from cortex.config import Config, Flags

if TYPE_CHECKING:
    from cortex.cli.api import Api
    from cortex.models.store import Store

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@dataclass(frozen=True, slots=True)
class State:
    flags: Flags
    verbose: bool = False

    def config(self) -> Config:
        return config.load(self.flags)

    def store(self) -> Store:
        from cortex.models.store import Store

        return Store(self.config().data_folder)

    def api(self) -> Api:
        from cortex.cli.api import Api

        settings = self.config()
        return Api(settings.url, key=settings.api_keys[0] if settings.api_keys else "")


def state(context: typer.Context) -> State:
    """The state that the global options made."""
    found = context.find_object(State)
    assert found is not None
    return found
