"""What the server needs from the rest of the house, in one small class. The routes know nothing else of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cortex.complete import Choices
from cortex.config import Config
from cortex.core.chat import Chat
from cortex.core.job import Cut, Job, Segment, Vector
from cortex.core.passage import Passage
from cortex.runner.pool import Change
from cortex.server.library import Library
from cortex.server.wire.chat import Defaults

SILENT = Defaults()  # a model whose settings say nothing


@dataclass(frozen=True, slots=True)
class Card:
    """A model that is there. `created` is Unix time in seconds; `details` are shown in lists as they are. `aliases` are
    further names of it."""

    id: str
    engine: str = "llama-cpp"
    created: int = 0
    defaults: Defaults = SILENT
    details: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Running:
    """A model that is loaded. `ram`, `vram` and `need` (what it was expected to take) are in bytes, `uptime` in
    seconds, `context` in tokens. `idle` counts the seconds without work (None: it is at work), `left` those until it is
    unloaded for that (None: it stays)."""

    id: str
    engine: str
    ram: int
    vram: int
    uptime: float
    need: int = 0
    context: int = 0
    idle: float | None = None
    left: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One admitted request: the events of its replies, the last of each a `Done`. Closing `choices` frees its place."""

    choices: Choices
    fingerprint: str
    warnings: tuple[str, ...] = ()


class Service(Protocol):
    """Names are what clients write: `find` says which model they mean, or raises `NotFound`. `library` keeps the models
    that it runs."""

    library: Library

    def configure(self, config: Config) -> None:
        """What is set for all models has changed; it holds from now on."""

    def watch(self, tell: Callable[[Change], None]) -> None:
        """`tell` hears of every model that is loaded, or not any more."""

    def models(self) -> Sequence[Card]: ...
    def find(self, name: str) -> Card: ...
    async def answer(self, card: Card, chat: Chat, count: int = 1) -> Answer:
        """`count` replies. Loads the model if need be.

        Raises `BadRequest` for what cannot be obeyed, `LoadError`, `EngineError`.
        """

    async def texts(self, card: Card, passages: Sequence[Passage], count: int = 1) -> Answer:
        """The same for texts to continue: `count` replies to the first, then those to the others."""

    async def vectors(self, card: Card, jobs: Sequence[Job]) -> Sequence[Vector]:
        """One for each of these jobs, which all embed."""

    async def cut(self, card: Card, prompt: Sequence[Segment], *, whole: bool) -> Cut:
        """The tokens of a text; with `whole`, also those that the model wants at its ends."""

    async def prompt(self, card: Card, chat: Chat) -> str:
        """What the model would be given for this chat. Loads nothing."""

    async def start(self, card: Card, wanted: Mapping[str, Any] | None = None) -> None:
        """Loads the model. `wanted` (keys as in `model.yml`) wins over its settings until it is stopped or started with
        others. Raises `LoadError`, with numbers where it needs too much memory."""

    async def stop(self, card: Card) -> bool:
        """False if it was not loaded."""

    def running(self) -> Sequence[Running]: ...
    def loading(self) -> Mapping[str, float]:
        """Models that are being loaded, and the fraction that is done."""

    async def close(self) -> None: ...
