"""The process that owns one engine: orders in, one step, pieces out. It never outlives the server's end of its socket.

Run as `python -m cortex.runner.child --fd N`, where N is an inherited socket. One thread does all the work; the other
one only waits for the server to go away, because a step or a load can take long.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import logging
import os
import select
import signal
import socket
import threading
from collections.abc import Iterable
from pathlib import Path

from cortex.core.errors import CortexError, EngineError, NoRoom
from cortex.core.job import Failure, Piece
from cortex.engines import find
from cortex.engines.base import Engine, Load
from cortex.runner import frames
from cortex.runner.frames import (
    Admitted,
    Cancel,
    LoadFailed,
    Loading,
    Order,
    Pieces,
    Quit,
    Ready,
    Report,
    Start,
    Submit,
    Tokenize,
    Tokenized,
)

log = logging.getLogger("cortex.runner.child")  # run with -m, its `__name__` is `__main__`

CHUNK = 1 << 18
OOM_SCORE = "500"  # of -1000 to 1000: where memory runs out, the kernel ends the runner and not the server


class ServerGone(Exception):
    """The other end of the socket is closed."""


class Channel:
    """The runner's end of the socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.splitter = sock, frames.Splitter()

    def send(self, report: Report) -> None:
        try:
            self.sock.sendall(frames.pack(report))
        except ConnectionError as error:
            raise ServerGone from error

    def orders(self, *, wait: bool) -> list[Order]:
        """Every order that is there; with `wait`, at least one."""
        orders: list[Order] = []
        while data := self._receive(wait=wait and not orders):
            orders += map(frames.ORDERS.decode, self.splitter.feed(data))
        return orders

    def _receive(self, *, wait: bool) -> bytes:
        try:
            data = self.sock.recv(CHUNK, 0 if wait else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""
        except ConnectionError as error:
            raise ServerGone from error
        if not data:
            raise ServerGone
        return data


class Shift:
    """The engine at work, from `Ready` to `Quit`. `running` are the admitted jobs that have not ended."""

    def __init__(self, engine: Engine, channel: Channel) -> None:
        self.engine, self.channel = engine, channel
        self.running: set[int] = set()
        self.stumbled = False  # the last step raised

    def work(self) -> None:
        while True:
            for order in self.channel.orders(wait=not self.engine.busy):
                match order:
                    case Submit() | Tokenize():
                        self.channel.send(self.answer(order))
                    case Cancel(number):
                        self.running.discard(number)
                        self.engine.cancel(number)
                    case Quit():
                        return
                    case Start():
                        raise RuntimeError("a second Start: this runner has a model already")
            if self.engine.busy:
                self.step()

    def answer(self, order: Submit | Tokenize) -> Report:
        try:
            return self.obey(order)
        except CortexError as error:
            return frames.refused(order.number, error)
        except Exception as error:
            log.exception("the engine failed to admit job %d", order.number)
            self.engine.cancel(order.number)
            return frames.refused(order.number, EngineError(f"the engine failed to take the request: {error!r}"))

    def obey(self, order: Submit | Tokenize) -> Report:
        match order:
            case Submit(number, job):
                self.engine.submit(number, job)
                self.running.add(number)
                return Admitted(number)
            case Tokenize(number, prompt, whole):
                return Tokenized(number, self.engine.tokenize(prompt, whole=whole))

    def step(self) -> None:
        try:
            results = self.engine.step()
        except Exception as error:
            # The step served everyone, so everyone hears of it. An engine that cannot do a single step without
            # its old jobs is beyond repair: the process ends, and the server starts a new one.
            self.fail(error)
            if self.stumbled:
                raise
            log.exception("a step of the engine failed")
            self.stumbled = True
        else:
            self.stumbled = False
            self.report(results)

    def fail(self, error: Exception) -> None:
        jobs, message = sorted(self.running), f"the engine failed: {error!r}"
        self.report([Failure(number, message) for number in jobs])
        for number in jobs:
            self.engine.cancel(number)

    def report(self, results: Iterable[Piece | Failure]) -> None:
        frame = Pieces([], [])
        for result in results:
            match result:
                case Piece(number, _, finish):
                    frame.pieces.append(result)
                    ended = finish is not None
                case Failure(number):
                    frame.failures.append(result)
                    ended = True
            if ended:
                self.running.discard(number)
        if frame.pieces or frame.failures:
            self.channel.send(frame)


class Meter:
    """Tells the server of every whole percent, however often the engine reports."""

    def __init__(self, channel: Channel) -> None:
        self.channel, self.told = channel, -1

    def __call__(self, fraction: float) -> None:
        percent = int(fraction * 100)
        if percent > self.told:
            self.told = percent
            self.channel.send(Loading(fraction))


def start_engine(load: Load, channel: Channel) -> Engine | LoadFailed:
    try:
        return find(load.engine)(load, Meter(channel))
    except CortexError as error:
        return LoadFailed(error.message, room=isinstance(error, NoRoom))
    except ServerGone:
        raise
    except Exception as error:
        log.exception("%s cannot be loaded", load.path)
        return LoadFailed(f"{load.path} cannot be loaded: {error!r}")


def serve(channel: Channel) -> int:
    """Load as the first order says, then work until told to end. The exit code."""
    [start, *early] = channel.orders(wait=True)
    if not isinstance(start, Start) or early:
        raise RuntimeError(f"a runner expects one Start, got {start!r} and {len(early)} more")
    logging.basicConfig(level=start.log_level, format="%(levelname)s %(name)s[%(process)d]: %(message)s")
    match start_engine(start.load, channel):
        case LoadFailed() as failed:
            channel.send(failed)
            return 1
        case engine:
            with contextlib.closing(engine):
                channel.send(Ready(engine.context))
                Shift(engine, channel).work()
            return 0


def end_with_server(sock: socket.socket) -> None:
    """Exit when the other end closes, even in the middle of native code that runs for minutes."""
    watch = select.poll()
    watch.register(sock, 0)  # hang-ups are told unasked; data is not

    def wait() -> None:
        watch.poll()
        os._exit(0)

    threading.Thread(target=wait, name="end-with-server", daemon=True).start()


def prepare(fd: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the server decides what ends
    faulthandler.enable()
    os.set_inheritable(fd, False)
    with contextlib.suppress(OSError):  # only Linux has this file
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)


def main() -> int:
    arguments = argparse.ArgumentParser(description="owns one engine; started by the server")
    arguments.add_argument("--fd", type=int, required=True, help="an inherited, connected socket")
    fd = arguments.parse_args().fd
    prepare(fd)
    with socket.socket(fileno=fd) as sock, contextlib.suppress(ServerGone):
        end_with_server(sock)
        return serve(Channel(sock))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
