"""What crosses the seam between the pure core and an engine: a `Job` goes in, `Piece`s come out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Literal

from cortex.core.chat import Sampling

Finish = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of prompt. In `markup`, special tokens' spellings are those tokens; otherwise they are plain text.

    What a client wrote must never become a special token: it would forge roles and calls. `tokens` are a stretch that
    the client gave as numbers, in place of `text`.
    """

    text: str = ""
    markup: bool = True
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a job's grammar, alone, and the request's field that it came from."""

    param: str
    grammar: str


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that an engine needs to know, decided before the first token.

    `grammar` is llguidance's Lark, or GBNF where a client wrote it; None leaves the text free. `parts` are looked at
    only where it does not compile, to say which of them is at fault. `max_tokens` None means up to the context's end.
    `logprobs`: each token that is said comes with its log probability and this many of the likeliest; None: without
    any. With `echo` the client's tokens of the prompt come so, too. `ignore_eos`: the reply goes on until its grammar
    or `max_tokens` ends it. `prediction` is a text that the reply may repeat: a draft. `hints` are short texts that it
    is likely to hold; it may begin with the first. With a `suffix` the reply is what stands between the prompt and it.
    With `embed` there is no reply, but the vector of the prompt: 32-bit floats, little-endian, of length 1. `source` is
    the request's field that the prompt comes from.
    """

    prompt: tuple[Segment, ...]
    grammar: str | None = None
    parts: tuple[Part, ...] = ()
    sampling: Sampling = Sampling()
    max_tokens: int | None = None
    logprobs: int | None = None
    echo: bool = False
    ignore_eos: bool = False
    prediction: str = ""
    hints: tuple[str, ...] = ()
    suffix: str | None = None
    embed: bool = False
    source: str = "messages"


@dataclass(frozen=True, slots=True)
class Cut:
    """A text as a model's tokens: their numbers, how each is spelled, and what they spell together."""

    tokens: tuple[int, ...]
    pieces: tuple[bytes, ...]
    text: bytes


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts of tokens. `cached` of the prompt's tokens were found in the KV cache; `forced` of the completion's
    tokens were decided by the grammar alone; `decodes` is the number of decode steps the completion took. Of the
    completion's tokens, `reasoning` were spent on thoughts (an engine does not know: it says 0). Of the prediction's
    tokens, `accepted` were said and `rejected` were tried in vain."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    forced: int = 0
    decodes: int = 0
    reasoning: int = 0
    accepted: int = 0
    rejected: int = 0


def total(choices: Sequence[Usage]) -> Usage:
    """What several replies to one prompt took together: the prompt counts once, as it was for the first of them."""
    names = [one.name for one in fields(Usage) if one.name not in ("prompt", "cached")]
    return replace(choices[0], **{name: sum(getattr(each, name) for each in choices) for name in names})


def added(counts: Iterable[Usage]) -> Usage:
    """What replies to different prompts took together."""
    return Usage(*(sum(column) for column in zip(*map(astuple, counts), strict=True)))


@dataclass(frozen=True, slots=True)
class Vector:
    """What has come of a job that embeds: its numbers as `Job` says, and what it took."""

    data: bytes
    usage: Usage


@dataclass(frozen=True, slots=True)
class Logprob:
    """A token as its bytes, and the natural logarithm of its probability."""

    data: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """A token that was said, and the likeliest that could have been (`top`, the best first).

    Probabilities are the model's among the tokens that the grammar allows, at temperature 1, before penalties and
    biases: a token that the grammar alone decides has 0.0.
    """

    token: Logprob
    top: tuple[Logprob, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """A few more bytes of job number `job`, as its tokens spell them: they may end inside a character.

    `usage` counts what the job has taken so far. The last piece of a job, and only it, has `finish`. `tokens` are
    those of `data`, where the job asked for log probabilities. `prompt` are a few more of the prompt's, where it asked
    for those: before any data, in order. One that nothing comes before has no probability: it is its bytes.
    """

    job: int
    data: bytes
    finish: Finish | None = None
    usage: Usage = Usage()
    tokens: tuple[Chosen, ...] = ()
    prompt: tuple[Chosen | bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Job number `job` has ended with an error; `client` says whose fault it is (`BadRequest`, else `EngineError`)."""

    job: int
    message: str
    client: bool = False
