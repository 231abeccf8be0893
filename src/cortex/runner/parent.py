"""The server's side of a runner: jobs go in, tickets come out. It never blocks, and never decodes text.

Whatever happens to a job reaches its ticket's inbox in order: admitted, pieces, an error. So there is one place to
wait, and a ticket that nobody reads holds up nobody else.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import cast

from cortex.core.errors import BadRequest, CortexError, EngineError, LoadError, NoRoom, TooLong
from cortex.core.job import Cut, Failure, Job, Piece, Segment
from cortex.engines.base import Load, Progress
from cortex.runner import frames, process
from cortex.runner.frames import (
    Admitted,
    Cancel,
    LoadFailed,
    Loading,
    Order,
    Pieces,
    Quit,
    Ready,
    Refused,
    Report,
    Start,
    Submit,
    Tokenize,
    Tokenized,
)

log = logging.getLogger(__name__)

DYING = 2.0  # seconds that a process may take to end after its socket has closed
GRACE = 2.0  # seconds that `stop` waits after each of: asking, SIGTERM


def ignore(fraction: float) -> None:
    """The progress of a load that nobody watches."""


def unseen() -> None:
    """Nobody asks when the runner has nothing to do."""


class Link(asyncio.Protocol):
    """The server's end of the socket: reports go to `receive` as they come, `lost` is set when the runner is gone."""

    def __init__(self, receive: Callable[[Report], None]) -> None:
        self.receive, self.splitter = receive, frames.Splitter()
        self.lost = asyncio.Event()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        for body in self.splitter.feed(data):
            self.receive(frames.REPORTS.decode(body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    def send(self, packed: bytearray) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.write(packed)


Item = Admitted | Piece | Cut


class Ticket:
    """One running job: an async iterator of its pieces, which ends after the one with `finish`.

    Raises `BadRequest` or `EngineError` where the job fails. Leaving early (`aclose`, the end of `async with`, or
    cancellation while waiting) frees the job at once.
    """

    def __init__(self, number: int, abandon: Callable[[int], None]) -> None:
        self.number, self.abandon = number, abandon
        self.inbox: deque[Item | CortexError] = deque()
        self.filled = asyncio.Event()
        self.begun = asyncio.Event()  # its prompt has been computed, or it has ended
        self.ended = False

    def deliver(self, item: Item | CortexError) -> None:
        self.inbox.append(item)
        self.filled.set()
        if not isinstance(item, Admitted):
            self.begun.set()

    async def next(self) -> Item:
        try:
            while not self.inbox:
                self.filled.clear()
                await self.filled.wait()
        except asyncio.CancelledError:
            await self.aclose()
            raise
        item = self.inbox.popleft()
        if isinstance(item, CortexError):
            self.ended = True
            raise item
        return item

    def __aiter__(self) -> Ticket:
        return self

    async def __anext__(self) -> Piece:
        if self.ended:
            raise StopAsyncIteration
        piece = await self.next()
        assert isinstance(piece, Piece)  # `submit` has taken the Admitted
        self.ended = piece.finish is not None
        return piece

    async def aclose(self) -> None:
        """Leave the job, if it has not ended. Nothing is awaited: it is ordered when this is called."""
        if not self.ended:
            self.ended = True
            self.abandon(self.number)
            self.deliver(EngineError("the job was left"))  # for a reader in another task

    async def __aenter__(self) -> Ticket:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


class Runner:
    """One model in one child process. Made by `Runner.start`; ended by `stop`, `retire`, or its own death."""

    context: int

    def __init__(self, load: Load, progress: Progress, rested: Callable[[], None]) -> None:
        self.load, self.progress, self.rested = load, progress, rested
        self.numbers = itertools.count()
        self.tickets: dict[int, Ticket] = {}
        self.idle = asyncio.Event()
        self.idle.set()
        self.loaded: asyncio.Future[Ready | LoadFailed] = asyncio.get_running_loop().create_future()
        self.end: str | None = None  # how it ended
        self.stopping = False

    @classmethod
    async def start(
        cls, load: Load, *, progress: Progress | None = None, rested: Callable[[], None] = unseen
    ) -> Runner:
        """A runner whose engine is ready. Raises `LoadError` with the engine's own words, or how the process died.
        `rested` is called whenever its last job has ended."""
        runner = cls(load, progress or ignore, rested)
        try:
            await runner._spawn()
        except OSError as error:
            raise LoadError(f"no runner can be started for {load.path}: {error}") from error
        try:
            return await runner._ready()
        except BaseException:
            await runner.stop(grace=0)
            raise

    async def _spawn(self) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            _, self.link = await loop.create_unix_connection(lambda: Link(self._receive), sock=ours)
            self.process = process.spawn(theirs)  # if this fails, closing `theirs` closes ours
        self.reaper = loop.create_task(self._reap(), name=f"reap runner {self.pid}")

    async def _ready(self) -> Runner:
        self.link.send(frames.pack(Start(self.load, log.getEffectiveLevel())))
        match await self.loaded:
            case LoadFailed(message, room):
                raise (NoRoom if room else LoadError)(message)
            case Ready(context):
                self.context = context
        return self

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.end is None and not self.stopping and self.process.poll() is None

    async def submit(self, job: Job) -> Ticket:
        """The ticket of `job`, once the engine has admitted it.

        Raises what the engine raised (`BadRequest`, `TooLong`), or `EngineError` where the runner has ended.
        The job is on its way when this first waits: a runner that is told to `retire` meanwhile still finishes it.
        """
        ticket = self._order(lambda number: Submit(number, job))
        await ticket.next()
        return ticket

    async def tokenize(self, prompt: Sequence[Segment], *, whole: bool) -> Cut:
        """The tokens of this text; with `whole`, also those that the model wants at its ends. Raises as `submit`."""
        cut = await self._order(lambda number: Tokenize(number, tuple(prompt), whole)).next()
        assert isinstance(cut, Cut)
        return cut

    def _order(self, make: Callable[[int], Submit | Tokenize]) -> Ticket:
        if self.end is not None:
            raise self._ended()
        ticket = Ticket(next(self.numbers), self._abandon)
        packed = self._pack(make(ticket.number))
        self.tickets[ticket.number] = ticket
        self.idle.clear()
        self.link.send(packed)
        return ticket

    def _pack(self, order: Submit | Tokenize) -> bytearray:
        try:
            return frames.pack(order)
        except frames.FrameTooLong as error:
            raise TooLong(f"the request is too large: {error}") from error
        except (ValueError, OverflowError) as error:  # JSON can spell half a surrogate pair, and integers of any size
            raise BadRequest(f"the request holds a value that cannot be processed: {error}") from error

    def _abandon(self, number: int) -> None:
        if self._forget(number):
            self._send(Cancel(number))

    def _forget(self, number: int) -> Ticket | None:
        ticket = self.tickets.pop(number, None)
        if ticket and not self.tickets:
            self.idle.set()
            self.rested()
        return ticket

    def _send(self, order: Order) -> None:
        self.link.send(frames.pack(order))

    def _receive(self, report: Report) -> None:
        match report:
            case Pieces(pieces, failures):
                for piece in pieces:
                    self._deliver(piece.job, piece, last=piece.finish is not None)
                for failure in failures:
                    self._deliver(failure.job, as_error(failure), last=True)
            case Admitted(number):
                self._deliver(number, report, last=False)
            case Refused(number):
                self._deliver(number, frames.refusal(report), last=True)
            case Tokenized(number, cut):
                self._deliver(number, cut, last=True)
            case Loading(fraction):
                self.progress(fraction)
            case Ready() | LoadFailed():
                self._settle(report)

    def _deliver(self, number: int, item: Item | CortexError, *, last: bool) -> None:
        ticket = self._forget(number) if last else self.tickets.get(number)
        if ticket:  # else it was abandoned while this was on its way
            ticket.deliver(item)

    def _settle(self, outcome: Ready | LoadFailed) -> None:
        if not self.loaded.done():
            self.loaded.set_result(outcome)

    async def _reap(self) -> None:
        await self.link.lost.wait()
        self.end = process.describe(await process.wait(self.process, DYING))
        if not self.stopping:
            log.warning("the runner of %s (process %d) %s", self.load.path, self.pid, self.end)
        self._settle(LoadFailed(f"the runner {self.end} while it loaded {self.load.path}"))
        for number in list(self.tickets):
            self._deliver(number, self._ended(), last=True)

    def _ended(self) -> EngineError:
        if self.stopping:
            return EngineError("the model was stopped; the next request loads it again")
        return EngineError(f"the model's runner {self.end}; the next request starts a new one")

    async def retire(self) -> None:
        """Stop once the jobs in flight have ended."""
        while self.tickets:
            await self.idle.wait()
        await self.stop()

    async def stop(self, *, grace: float = GRACE) -> None:
        """End the process: ask, then SIGTERM, then SIGKILL. Jobs in flight fail. May be called again, and at once."""
        self.stopping = True
        self._send(Quit())
        try:
            for insist in (self.process.terminate, self.process.kill):
                if self.reaper in (await asyncio.wait([self.reaper], timeout=grace))[0]:
                    return
                insist()
            await asyncio.wait([self.reaper])
        except asyncio.CancelledError:
            self.process.kill()
            raise


def as_error(failure: Failure) -> CortexError:
    return BadRequest(failure.message) if failure.client else EngineError(failure.message)
