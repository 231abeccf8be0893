"""What the server needs from the rest of the house, in one small class. The routes know nothing else of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cortex.complete import Choices
from cortex.core.chat import Chat
from cortex.server.wire.chat import Defaults

SILENT = Defaults()  # a model whose settings say nothing


@dataclass(frozen=True, slots=True)
class Card:
    """A model that is there. `created` is Unix time in seconds; `details` are shown in lists as they are."""

    id: str
    engine: str = "llama-cpp"
    created: int = 0
    defaults: Defaults = SILENT
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """A model that is loaded. `ram` and `vram` are in bytes, `uptime` in seconds."""

    id: str
    engine: str
    ram: int
    vram: int
    uptime: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One admitted request: the events of its replies, the last of each a `Done`. Closing `choices` frees its place."""

    choices: Choices
    fingerprint: str
    warnings: tuple[str, ...] = ()


class Service(Protocol):
    """Names are what clients write: `find` says which model they mean, or raises `NotFound`."""

    def models(self) -> Sequence[Card]: ...
    def find(self, name: str) -> Card: ...
    async def answer(self, card: Card, chat: Chat, count: int = 1) -> Answer:
        """`count` replies. Loads the model if need be.

        Raises `BadRequest` for what cannot be obeyed, `LoadError`, `EngineError`.
        """

    async def start(self, card: Card, *, context: int | None = None) -> None:
        """Loads the model. `context` (tokens a request) wins over its settings until it is stopped or started anew."""

    async def stop(self, card: Card) -> bool:
        """False if it was not loaded."""

    def running(self) -> Sequence[Running]: ...
    def loading(self) -> Mapping[str, float]:
        """Models that are being loaded, and the fraction that is done."""

    async def close(self) -> None: ...
