"""An engine that says what it is told. It has no model and computes nothing; a byte is a token.

For tests of everything above engines, and for trying a client without any weights. It keeps the whole contract of
`Engine`, and can be told to break down in each way that a real one can:

    Load(path="", engine="scripted", extra={"replies": ["Hello!"], "size": 3, "repeat": True})
"""

from __future__ import annotations

import math
import os
import struct
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cortex.core.errors import BadRequest, EngineError, LoadError, NoRoom, TooLong
from cortex.core.job import Chosen, Cut, Failure, Finish, Job, Logprob, Piece, Segment, Usage
from cortex.engines.base import Load, Progress, check_tokens
from cortex.engines.constraint import Grammars, byte_tokenizer

CONTEXT: Final = 8192
HALF: Final = math.log(0.5)
TOKENS: Final = 256
WIDTH: Final = 16  # numbers of a vector: how often bytes occur, by their last four bits


@dataclass(frozen=True, slots=True)
class Script:
    """What is said, and what goes wrong: the keys of `Load.extra`.

    Jobs get the `replies` in the order they are submitted; after the last, from the first again if `repeat`, else they
    are refused. A job that ignores ends gets its reply over and over. Each step gives every running job `size` bytes
    more, and takes `delay` seconds. Log probabilities are those of `chosen`. With `check` a reply that its job's
    grammar does not allow ends in a Failure. `record` is a file that gets a line for each event: `submit 1`, `step`,
    `cancel 1`, `end 1`, `close`. Without `infill` a suffix is refused.

    Loading takes `load_delay` seconds and fails with the message `load_error`, or `no_room` as where memory is short.
    A job whose prompt contains `refuse` is refused by `submit`; one whose prompt contains `fail` ends in a Failure.
    After that many steps (0: at the first), `step` raises (`raise_after`), the process exits at once (`exit_after`) or
    aborts as native code does (`abort_after`).
    """

    replies: tuple[str | bytes, ...] = ()
    repeat: bool = False
    size: int = 8
    delay: float = 0.0
    check: bool = False
    record: str | None = None
    infill: bool = False
    load_delay: float = 0.0
    load_error: str | None = None
    no_room: str | None = None
    refuse: str | None = None
    fail: str | None = None
    raise_after: int | None = None
    exit_after: int | None = None
    abort_after: int | None = None


@dataclass(slots=True)
class Run:
    """One job: what is left to say of its reply, `limit` bytes at most, and whether it is to fail. `logprobs` is the
    job's, `echo` the prompt where it is to be told."""

    number: int
    prompt: int
    reply: bytes
    limit: int
    fails: str | None
    logprobs: int | None = None
    echo: bytes = b""
    said: int = 0
    decodes: int = 0

    def next(self, size: int) -> Piece | Failure:
        if self.fails:
            return Failure(self.number, self.fails)
        data = self.reply[self.said : min(self.said + size, self.limit)]
        self.said, self.decodes = self.said + len(data), self.decodes + 1
        usage = Usage(prompt=self.prompt, completion=self.said, decodes=self.decodes)
        tokens = () if self.logprobs is None else tuple(chosen(byte, self.logprobs) for byte in data)
        told, self.echo = echoed(self.echo, self.logprobs or 0), b""
        return Piece(self.number, data, self._finish(), usage, tokens, told)

    def _finish(self) -> Finish | None:
        if self.said < min(len(self.reply), self.limit):
            return None
        return "stop" if self.said == len(self.reply) else "length"


@dataclass(slots=True)
class Scripted:
    load: Load
    progress: Progress
    context: int = field(init=False)
    _script: Script = field(init=False)
    _runs: deque[Run] = field(init=False, default_factory=deque)
    _vectors: list[Piece] = field(init=False, default_factory=list)
    _submitted: int = field(init=False, default=0)
    _steps: int = field(init=False, default=0)
    _grammars: Grammars = field(init=False, default_factory=lambda: Grammars(byte_tokenizer()))

    def __post_init__(self) -> None:
        self.context = self.load.context or CONTEXT
        self._script = _script(self.load.extra or {})
        self.progress(0.0)
        time.sleep(self._script.load_delay)
        if self._script.load_error is not None:
            raise LoadError(self._script.load_error)
        if self._script.no_room is not None:
            raise NoRoom(self._script.no_room)
        self.progress(1.0)

    @property
    def busy(self) -> bool:
        return bool(self._runs or self._vectors)

    def submit(self, number: int, job: Job) -> None:
        check_tokens(job.prompt, TOKENS, job.source)
        prompt = _bytes(job.prompt) + (job.suffix or "").encode()
        text, size = prompt.decode(errors="replace"), len(prompt)
        if self._script.refuse is not None and self._script.refuse in text:
            raise BadRequest(f"the script refuses {self._script.refuse!r}")
        if size >= self.context:
            raise TooLong(f"the prompt has {size} tokens and the context takes {self.context}", param=job.source)
        if job.embed:
            self._vectors.append(Piece(number, _vector(prompt), "stop", Usage(prompt=size)))
        else:
            self._reply_to(number, job, text, size)
        self._record(f"submit {number}")

    def _reply_to(self, number: int, job: Job, prompt: str, size: int) -> None:
        if job.suffix is not None and not self._script.infill:
            raise BadRequest("the script has no `infill`: leave the suffix out", param="suffix")
        reply = self._reply()
        fault = self._fault(prompt, reply, job)
        limit = min(self.context if job.max_tokens is None else job.max_tokens, self.context - size)
        if job.ignore_eos and job.grammar is None:
            reply *= limit // max(1, len(reply)) + 1  # longer than what is ever said
        echo = _bytes(job.prompt) if job.echo else b""
        self._runs.append(Run(number, size, reply, limit, fault, job.logprobs, echo))
        self._submitted += 1

    def tokenize(self, prompt: Sequence[Segment], *, whole: bool) -> Cut:
        check_tokens(prompt, TOKENS, "tokens")
        text = _bytes(prompt)
        return Cut(tuple(text), tuple(bytes([byte]) for byte in text), text)

    def step(self) -> list[Piece | Failure]:
        if not self.busy:
            return []
        self._break_down()
        self._steps += 1
        self._record("step")
        time.sleep(self._script.delay)
        running = list(self._runs)[: self.load.parallel]
        pieces: list[Piece | Failure] = [run.next(self._script.size) for run in running]
        for piece in pieces:
            if isinstance(piece, Failure) or piece.finish:
                self._drop(piece.job)
                self._record(f"end {piece.job}")
        vectors, self._vectors = self._vectors, []
        return [*pieces, *vectors]

    def cancel(self, number: int) -> None:
        self._drop(number)
        self._record(f"cancel {number}")

    def close(self) -> None:
        self._runs.clear()
        self._vectors.clear()
        self._record("close")

    def _reply(self) -> bytes:
        replies = self._script.replies
        if not replies or (self._submitted >= len(replies) and not self._script.repeat):
            raise BadRequest(f"the script has {len(replies)} replies, and all are given")
        reply = replies[self._submitted % len(replies)]
        return reply if isinstance(reply, bytes) else reply.encode()

    def _fault(self, prompt: str, reply: bytes, job: Job) -> str | None:
        """Why this job is to fail, if it is. BadRequest where its grammar is to be checked and does not compile."""
        if self._script.fail is not None and self._script.fail in prompt:
            return f"the script fails at {self._script.fail!r}"
        if not self._script.check or job.grammar is None:
            return None
        constraint = self._grammars.compile(job.grammar, job.parts)
        try:
            for byte in reply:
                if constraint.finished:
                    return "the reply goes on where its grammar has ended"
                constraint.consume(byte)
        except EngineError as error:
            return error.message
        return None if constraint.accepting else "the reply ends before its grammar does"

    def _break_down(self) -> None:
        """The ends that the script has set, where it is time for one."""
        if self._script.raise_after == self._steps:
            raise RuntimeError("the script raises here")
        if self._script.exit_after == self._steps:
            os._exit(1)
        if self._script.abort_after == self._steps:
            os.abort()

    def _drop(self, number: int) -> None:
        self._runs = deque(run for run in self._runs if run.number != number)
        self._vectors = [vector for vector in self._vectors if vector.job != number]

    def _record(self, event: str) -> None:
        if self._script.record is not None:
            with Path(self._script.record).open("a") as file:
                file.write(event + "\n")


def chosen(byte: int, top: int) -> Chosen:
    """What is told of this byte: each one has a probability of 1/2, the next in order of 1/4, and so on."""
    likeliest = [Logprob(bytes([(byte + place) % 256]), HALF * (place + 1)) for place in range(max(1, top))]
    return Chosen(likeliest[0], tuple(likeliest[:top]))


def echoed(prompt: bytes, top: int) -> tuple[Chosen | bytes, ...]:
    """The bytes of a prompt: before the first there is nothing that it could follow."""
    return (prompt[:1], *(chosen(byte, top) for byte in prompt[1:])) if prompt else ()


def _bytes(prompt: Sequence[Segment]) -> bytes:
    return b"".join(bytes(segment.tokens) or segment.text.encode() for segment in prompt)


def _vector(text: bytes) -> bytes:
    counts = [sum(byte % WIDTH == place for byte in text) for place in range(WIDTH)]
    length = math.hypot(*counts) or 1.0
    return struct.pack(f"<{WIDTH}f", *(count / length for count in counts))


def _script(extra: Mapping[str, Any]) -> Script:
    try:
        script = Script(**{**extra, "replies": tuple(extra.get("replies", ()))})
    except TypeError as error:
        raise LoadError(f"the engine scripted has no such setting: {error}") from error
    if script.size < 1:
        raise LoadError("`size` is the bytes of one step: at least 1")
    return script
