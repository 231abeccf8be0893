"""A service for tests that plays scripts instead of running models, and a real server on a free port around it."""

from __future__ import annotations

import asyncio
import itertools
import struct
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import uvicorn
from faithful import Faithful

from cortex.complete import Choices
from cortex.config import Config
from cortex.core.chat import Chat
from cortex.core.errors import NotFound
from cortex.core.events import CallBegin, CallDelta, CallEnd, Done, Event, Reasoning, Text
from cortex.core.job import Cut, Job, Segment, Usage, Vector
from cortex.core.passage import Passage
from cortex.models.store import Store
from cortex.runner.pool import Change
from cortex.server.app import create_app
from cortex.server.configuration import Configuration
from cortex.server.library import Library
from cortex.server.service import Answer, Card, Running, Service
from cortex.server.site import Options, Site, origins

Step = Event | Exception | float  # a float is a pause in seconds

USAGE = Usage(prompt=12, completion=7, cached=4, forced=3, decodes=5)
STOP = Done("stop", USAGE)
ARGUMENTS = '{"order_id": "order_70705", "note": "ä \\"x\\"\\n"}'


def call(index: int, name: str, *parts: str) -> list[Step]:
    return [
        CallBegin(index, f"call_{index}", name),
        *(CallDelta(index, part) for part in parts),
        CallEnd(index),
    ]


SCRIPTS: dict[str, list[Step]] = {
    "words": [Text("Hello"), Text(", "), Text("wörld\n✓"), STOP],
    "call": [*call(0, "get_date", ARGUMENTS[:7], "", ARGUMENTS[7:]), STOP],
    "two": [
        *(Text("\n"), Text(" "), *call(0, "get_date", *ARGUMENTS)),
        *(*call(1, "get_weather", '{"unit": "Celsius"}'), Text("\n"), STOP),
    ],
    "said first": [Text(" Let me look."), Text("\n\n"), *call(0, "get_date", "{}"), STOP],
    "thinks": [Reasoning("Hm"), Reasoning(""), Reasoning(", yes."), Text("Yes."), STOP],
    "thinks and calls": [Reasoning("Hm."), Text("\n"), *call(0, "get_date", "{}"), STOP],
    "cut": [CallBegin(0, "call_0", "get_date"), CallDelta(0, '{"order'), Done("length", USAGE)],
    "long": [Text("and on and"), Done("length", USAGE)],
    "nothing": [STOP],
    "blank": [Text(" \n"), STOP],
    "json": [Text('{"day": '), Text('"Monday"}'), STOP],
}
NAMES = tuple(SCRIPTS)
OPEN = Options()


class Unread(Library):
    """Of models that have no file."""

    async def describe(self, id: str) -> dict[str, Any]:
        return {}


@dataclass
class PlayedService:
    """Each model plays the script of its name. `asked` are the chats so far, `closed` the models whose events ended."""

    scripts: dict[str, list[Step]] = field(default_factory=lambda: dict(SCRIPTS))
    failures: dict[str, Exception] = field(default_factory=dict)
    asked: list[Chat] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    fractions: dict[str, float] = field(default_factory=dict)
    wanted: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    library: Library = field(default_factory=lambda: Unread(Store(Path("/dev/null/cortex"))))
    warnings: tuple[str, ...] = ()
    admission: float = 0.0
    shut: bool = False

    def configure(self, config: Config) -> None:
        pass

    def watch(self, tell: Callable[[Change], None]) -> None:
        pass

    def models(self) -> Sequence[Card]:
        return [self.find(name) for name in self.scripts]

    def find(self, name: str) -> Card:
        if name not in self.scripts:
            raise NotFound(f"Model {name} not found", param="model", code="model_not_found")
        return Card(name, created=1738543890, details={"size": 5, "ctx_len": 4096})

    async def answer(self, card: Card, chat: Chat, count: int = 1) -> Answer:
        self.asked.append(chat)
        try:
            await asyncio.sleep(self.admission)
        except asyncio.CancelledError:
            self.closed.append(card.id)
            raise
        if card.id in self.failures:
            raise self.failures[card.id]
        return Answer(Choices([Played(self, card.id) for _ in range(count)]), "fp_played", self.warnings)

    async def texts(self, card: Card, passages: Sequence[Passage], count: int = 1) -> Answer:
        """The script of the model's name for each reply; only its words and its end are of use here."""
        if card.id in self.failures:
            raise self.failures[card.id]
        return Answer(Choices([Played(self, card.id) for _ in range(count * len(passages))]), "fp_played")

    async def vectors(self, card: Card, jobs: Sequence[Job]) -> Sequence[Vector]:
        """The numbers 1, 2, 3 ... of no certain length."""
        return [Vector(struct.pack("<2f", number, number), Usage(prompt=1)) for number, _ in enumerate(jobs, start=1)]

    async def cut(self, card: Card, prompt: Sequence[Segment], *, whole: bool) -> Cut:
        """A byte is a token."""
        text = b"".join(bytes(segment.tokens) or segment.text.encode() for segment in prompt)
        return Cut(tuple(text), tuple(bytes([byte]) for byte in text), text)

    async def prompt(self, card: Card, chat: Chat) -> str:
        return "\n".join(message.text for message in chat.messages)

    async def start(self, card: Card, wanted: Mapping[str, Any] | None = None) -> None:
        if card.id in self.failures:
            raise self.failures[card.id]
        self.wanted[card.id] = wanted or {}
        self.loaded.append(card.id)

    async def stop(self, card: Card) -> bool:
        if card.id not in self.loaded:
            return False
        self.loaded.remove(card.id)
        return True

    def running(self) -> Sequence[Running]:
        return [Running(name, "llama-cpp", 1000, 0, 7.5) for name in self.loaded]

    def loading(self) -> Mapping[str, float]:
        return self.fractions

    async def close(self) -> None:
        self.shut = True


class Played(AsyncGenerator[Event, None]):
    """The events of one answer. Unlike a generator it knows that it was closed even where it never began."""

    def __init__(self, service: PlayedService, name: str) -> None:
        self.service, self.name = service, name
        self.steps = iter(service.scripts[name])
        self.ended = False

    async def __anext__(self) -> Event:
        if self.ended:
            raise StopAsyncIteration
        for step in self.steps:
            match step:
                case float():
                    await asyncio.sleep(step)
                case Exception():
                    raise step
                case _:
                    return step
        raise StopAsyncIteration

    async def asend(self, value: None) -> Event:
        return await self.__anext__()

    async def athrow(self, *error: object) -> Event:
        raise NotImplementedError

    async def aclose(self) -> None:
        if not self.ended:
            self.ended = True
            self.service.closed.append(self.name)


S = TypeVar("S", bound=Service)


@dataclass(frozen=True)
class Serving(Generic[S]):
    url: str
    service: S


@contextmanager
def serving(service: S, options: Options = OPEN, configuration: Configuration | None = None) -> Iterator[Serving[S]]:
    """A server in a thread of its own. `DELETE /processManager/destroy` ends it, as the end of the `with` does. Each of
    its answers is checked against OpenAI's own models."""
    numbers = itertools.count(1)

    def end() -> None:
        server.should_exit = True

    site = Site(
        service,
        options if configuration is None else replace(options, origins=origins(configuration.current)),
        clock=lambda: 1738543890.5,
        new_id=lambda prefix: f"{prefix}{next(numbers)}",
        quit=end,
        configuration=configuration or Configuration(),
    )
    app = Faithful(create_app(site))
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        wait_until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Serving(f"http://127.0.0.1:{port}", service)
    finally:
        end()
        thread.join()
    assert not app.problems, app.problems


def wait_until(true: object, seconds: float = 20.0) -> None:
    """Returns when `true()` is true; fails after `seconds`, which no good run comes near."""
    assert callable(true)
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.005)
