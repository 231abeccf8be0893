"""What every route needs: the service behind it, the parts around it, and what varies from one run to the next."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from starlette.requests import HTTPConnection

from cortex.config import Config
from cortex.core.job import Usage
from cortex.models.repositories import Repositories
from cortex.server.configuration import Configuration
from cortex.server.downloads import Downloads
from cortex.server.events import Events
from cortex.server.kept import Memory
from cortex.server.service import Service


@dataclass(frozen=True, slots=True)
class Options:
    """How the server behaves towards its clients.

    `api_keys` empty lets everybody in. `origins` are the web pages that may ask; empty or with `*`: all; None turns
    CORS off. `strict_fields` makes a 400 of a field that nobody knows. `max_body` is in bytes. `patience` is how many
    seconds a request's body may take to arrive (None: any), `silence` how many a stream may be silent before it sends a
    comment.
    """

    api_keys: tuple[str, ...] = ()
    origins: tuple[str, ...] | None = ("*",)
    strict_fields: bool = False
    max_body: int = 64 * 2**20
    patience: float | None = 60.0
    silence: float = 10.0


def origins(config: Config) -> tuple[str, ...] | None:
    """`Options.origins` as configured."""
    return config.allowed_origins if config.enable_cors else None


def new_id(prefix: str) -> str:
    return prefix + secrets.token_hex(12)


def nothing() -> None:
    """What a server does that nobody can tell to exit."""


@dataclass(slots=True)
class Site:
    """`quit` asks the process to end gracefully. `clock` gives Unix time in seconds. `options` are replaced when the
    configuration is changed: ask for them anew with each request."""

    service: Service
    options: Options = Options()
    clock: Callable[[], float] = time.time
    new_id: Callable[[str], str] = new_id
    quit: Callable[[], None] = nothing
    configuration: Configuration = field(default_factory=Configuration)
    events: Events = field(default_factory=Events)
    responses: Memory = field(default_factory=Memory)
    downloads: Downloads = field(init=False)
    sources: Repositories = field(init=False)

    def __post_init__(self) -> None:
        store = self.service.library.store
        self.downloads = Downloads(store, self.events)
        self.sources = Repositories(store.folder, lambda: self.downloads.token)
        self.service.watch(self.events.loads)
        self.configuration.changed += [self._configure, self.service.configure, self.downloads.configure]

    def _configure(self, config: Config) -> None:
        patience = config.request_timeout
        self.options = replace(self.options, api_keys=config.api_keys, origins=origins(config), patience=patience)

    async def close(self) -> None:
        await self.downloads.close()
        await self.service.close()


@dataclass(slots=True)
class Trace:
    """What the log will say of one request; the routes fill it in."""

    id: str
    model: str = "-"
    usage: Usage = field(default=Usage())
    status: int | None = None


def site_of(connection: HTTPConnection) -> Site:
    site = connection.app.state.site
    assert isinstance(site, Site)
    return site


def trace_of(connection: HTTPConnection) -> Trace:
    trace = connection.scope["cortex.trace"]
    assert isinstance(trace, Trace)
    return trace
