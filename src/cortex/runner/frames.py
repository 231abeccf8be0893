"""What the server and a runner say to each other: one struct for each arrow, framed. No sockets, no processes.

    server -> runner (`Order`)             runner -> server (`Report`)
      Start    load this model               Loading     so much of it is loaded
                                             Ready | LoadFailed
      Submit   run this job                  Admitted | Refused
                                             Pieces      what one step gave
      Tokenize cut this text into tokens     Tokenized | Refused
      Cancel   forget this job
      Quit     end now

A frame is the length of its body (4 bytes, big-endian) and the body in MessagePack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cortex.core.errors import BadRequest, Busy, CortexError, EngineError, NoRoom, NotFound, TooLong
from cortex.core.job import Cut, Failure, Job, Piece, Segment
from cortex.engines.base import Load

HEADER = 4
LIMIT = 1 << 28  # bytes of one body: prompts of megabytes are fine, a corrupt length is not


class Frame(msgspec.Struct, frozen=True, array_like=True, tag=True):
    pass


class Start(Frame, frozen=True):
    """The first order, once. `log_level` is the server's, in `logging`'s numbers."""

    load: Load
    log_level: int


class Submit(Frame, frozen=True):
    """Run `job`; `number` is new. Answered by `Admitted` or `Refused`, in the order of asking."""

    number: int
    job: Job


class Tokenize(Frame, frozen=True):
    """`Engine.tokenize`. Answered by `Tokenized` or `Refused`, in the order of asking."""

    number: int
    prompt: tuple[Segment, ...]
    whole: bool


class Cancel(Frame, frozen=True):
    """Nobody waits for job `number` any more. Pieces of it may still be on their way."""

    number: int


class Quit(Frame, frozen=True):
    pass


class Loading(Frame, frozen=True):
    fraction: float


class Ready(Frame, frozen=True):
    """The engine runs. `context` is the most tokens that one request's prompt and reply may take together."""

    context: int


class LoadFailed(Frame, frozen=True):
    """`room`: only memory was short, so that it may succeed another time."""

    message: str
    room: bool = False


class Admitted(Frame, frozen=True):
    number: int


class Tokenized(Frame, frozen=True):
    number: int
    cut: Cut


class Refused(Frame, frozen=True):
    """The engine will not run job `number`. `error` is a name in `ERRORS`."""

    number: int
    error: str
    message: str
    param: str | None
    code: str | None


class Pieces(Frame, frozen=True):
    """All that one step gave. A job's failure comes after its pieces."""

    pieces: list[Piece]
    failures: list[Failure]


Order = Start | Submit | Tokenize | Cancel | Quit
Report = Loading | Ready | LoadFailed | Admitted | Refused | Pieces | Tokenized

ERRORS: Mapping[str, type[CortexError]] = {
    error.__name__: error for error in (TooLong, BadRequest, NotFound, Busy, NoRoom, EngineError)
}


def refused(number: int, error: CortexError) -> Refused:
    """`error` as a frame; a subclass that only the engine knows travels as its nearest known kin."""
    name = next((kin.__name__ for kin in type(error).__mro__ if kin.__name__ in ERRORS), EngineError.__name__)
    return Refused(number, name, error.message, error.param, error.code)


def refusal(frame: Refused) -> CortexError:
    """The error that `frame` tells of."""
    return ERRORS[frame.error](frame.message, param=frame.param, code=frame.code)


def plain(value: Any) -> Any:
    """For msgspec: read-only views of mappings, as settings may hold, are maps too."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a frame cannot hold a {type(value).__name__}")


ENCODER = msgspec.msgpack.Encoder(enc_hook=plain)
ORDERS: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
REPORTS: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)


class FrameTooLong(ValueError):
    """More than `LIMIT`."""


def pack(frame: Order | Report) -> bytearray:
    """`frame` as it goes over the wire.

    Raises `FrameTooLong`, ValueError for text that UTF-8 cannot spell, OverflowError for integers beyond 64 bits.
    """
    buffer = bytearray(HEADER)
    ENCODER.encode_into(frame, buffer, HEADER)
    size = len(buffer) - HEADER
    if size > LIMIT:
        raise FrameTooLong(f"{size} bytes are more than the {LIMIT} that a frame may have")
    buffer[:HEADER] = size.to_bytes(HEADER, "big")
    return buffer


class Splitter:
    """Bytes as they come -> whole frames' bodies."""

    def __init__(self) -> None:
        self.buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Every body that `data` completes. Raises `FrameTooLong` where the stream is corrupt."""
        self.buffer += data
        bodies, start = [], 0
        while (end := self._end(start)) is not None:
            bodies.append(bytes(self.buffer[start + HEADER : end]))
            start = end
        del self.buffer[:start]
        return bodies

    def _end(self, start: int) -> int | None:
        if len(self.buffer) < start + HEADER:
            return None
        size = int.from_bytes(self.buffer[start : start + HEADER], "big")
        if size > LIMIT:
            raise FrameTooLong(f"a frame of {size} bytes: the stream is corrupt")
        end = start + HEADER + size
        return end if len(self.buffer) >= end else None
