"""What crosses the seam between the pure core and an engine: a `Job` goes in, `Piece`s come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cortex.core.chat import Sampling

Finish = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of prompt. In `markup`, special tokens' spellings are those tokens; otherwise they are plain text.

    What a client wrote must never become a special token: it would forge roles and calls.
    """

    text: str
    markup: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a job's grammar, alone, and the request's field that it came from."""

    param: str
    grammar: str


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that an engine needs to know, decided before the first token.

    `grammar` is llguidance's Lark; None leaves the text free. `parts` are looked at only where it does not compile, to
    say which of them is at fault. `max_tokens` None means up to the context's end.
    """

    prompt: tuple[Segment, ...]
    grammar: str | None = None
    parts: tuple[Part, ...] = ()
    sampling: Sampling = Sampling()
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts of tokens. `cached` of the prompt's tokens were found in the KV cache; `forced` of the completion's
    tokens were decided by the grammar alone; `decodes` is the number of decode steps the completion took."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    forced: int = 0
    decodes: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A few more bytes of job number `job`, as its tokens spell them: they may end inside a character.

    `usage` counts what the job has taken so far. The last piece of a job, and only it, has `finish`.
    """

    job: int
    data: bytes
    finish: Finish | None = None
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Failure:
    """Job number `job` has ended with an error; `client` says whose fault it is (`BadRequest`, else `EngineError`)."""

    job: int
    message: str
    client: bool = False
