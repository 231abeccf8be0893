"""The body of `POST /v1/completions` -> passages to continue. continued.py writes the answer.

A prompt is taken as its writer wrote it: there is no template, and the spelling of a special token is that token, as
people who write prompts by hand expect. Only where a `suffix` is given are both texts code in which nothing is markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from cortex.core.errors import BadRequest
from cortex.core.job import Job
from cortex.core.passage import Passage
from cortex.server.wire import fields, inputs
from cortex.server.wire.chat import (
    Defaults,
    checked,
    count,
    flag,
    include_usage,
    max_tokens,
    model_name,
    sampling,
    stop,
)
from cortex.server.wire.decoding import MOST_LIKELY, read_text
from cortex.server.wire.fields import Field, Obeyed, Table
from cortex.server.wire.inputs import read_inputs
from cortex.server.wire.node import Node

MAX_TOKENS: Final = 16  # OpenAI's
_TEXT: Final = {"type": "string"}
_FLAG: Final = {"type": "boolean"}
_INT: Final = {"type": "integer"}
_COUNT: Final = {"type": "integer", "minimum": 1, "maximum": 128}

_LIKELY: Final = {"type": "integer", "minimum": 0, "maximum": MOST_LIKELY}

_OWN = (
    Field("prompt", Obeyed(), "What to continue, as it is: special tokens' spellings are those tokens.", inputs.SCHEMA),
    Field("suffix", Obeyed(), "What follows the reply; the model must have fill-in-the-middle tokens.", _TEXT),
    Field("echo", Obeyed(), "Begin each text with its prompt, and its logprobs with the prompt's.", _FLAG),
    Field("best_of", Obeyed(), "Make so many replies and send the n likeliest; not beside stream.", _COUNT),
    Field(
        "max_tokens",
        Obeyed(),
        "The most tokens of the reply; 16 unless said; -1: to the context's end.",
        _INT,
    ),
    Field("logprobs", Obeyed(), "Say how likely each token was, and so many of the likeliest with it.", _LIKELY),
    Field("n_probs", Obeyed(), "logprobs by llama-server's name; 0 is off.", _LIKELY, openai=False),
)
_AS_IN_A_CHAT = (
    "model stream stream_options n max_completion_tokens stop temperature top_p frequency_penalty presence_penalty "
    "logit_bias seed user top_k min_p repeat_penalty repeat_last_n engine cache_prompt min_keep typ_p tfs_z mirostat "
    "mirostat_tau mirostat_eta dynatemp_range dynatemp_exponent penalize_nl ignore_eos grammar"
)
TABLE: Table = {row.name: row for row in (*_OWN, *(fields.FIELDS[name] for name in _AS_IN_A_CHAT.split()))}


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One request, read: `drafts` replies to each passage, of which the `count` likeliest are sent; `likely`: with
    log probabilities. `warnings` name what the client sent to no effect."""

    model: str
    passages: tuple[Passage, ...]
    count: int = 1
    drafts: int = 1
    likely: bool = False
    echo: bool = False
    stream: bool = False
    include_usage: bool = False
    warnings: tuple[str, ...] = ()


def read(body: Mapping[str, Any], defaults: Defaults, *, strict: bool = False) -> CompletionRequest:
    """A whole request. `strict` makes a 400 of a field that nobody knows."""
    node = Node(body)
    warnings = checked(node, TABLE, strict=strict)
    asked = CompletionRequest(
        model_name(body),
        _passages(node, defaults),
        count=count(node),
        drafts=_drafts(node),
        likely=_logprobs(node) is not None,
        echo=flag(node, "echo", False),
        stream=flag(node, "stream", False),
        include_usage=include_usage(node),
        warnings=tuple(warnings),
    )
    _check_together(asked)
    return asked


def _check_together(asked: CompletionRequest) -> None:
    if asked.echo and asked.likely and asked.passages[0].job.suffix is not None:
        why = "the tokens of a prompt with a suffix are not those of its text: leave echo or logprobs out"
        raise BadRequest(f"suffix: {why}", param="suffix")
    if asked.drafts > asked.count and asked.stream:
        raise BadRequest("best_of: which replies are the best is known at the end; leave stream out", param="best_of")


def _passages(node: Node, defaults: Defaults) -> tuple[Passage, ...]:
    after = node.get("suffix")
    suffix = after.string() if after else None
    job = Job(
        (),
        grammar=read_text(node, "grammar") or None,
        sampling=sampling(node, defaults.sampling),
        max_tokens=max_tokens(node, MAX_TOKENS, least=0),
        logprobs=_ranked(node),
        echo=flag(node, "echo", False) and _logprobs(node) is not None,
        ignore_eos=flag(node, "ignore_eos", False),
        suffix=suffix,
    )
    ends = stop(node, defaults.stop)
    given = read_inputs(node.need("prompt", "a text, or tokens"), markup=suffix is None)
    return tuple(Passage(replace(job, prompt=(one.segment,), source=one.field), ends) for one in given)


def _drafts(node: Node) -> int:
    found, wanted = node.get("best_of"), count(node)
    if found and found.integer(1, 128) < wanted:
        raise BadRequest(f"best_of must be at least n, which is {wanted}", param="best_of")
    return found.integer(1, 128) if found else wanted


def _logprobs(node: Node) -> int | None:
    found, other = node.get("logprobs"), node.get("n_probs")
    if found:
        return found.integer(0, MOST_LIKELY)
    return other.integer(0, MOST_LIKELY) or None if other else None


def _ranked(node: Node) -> int | None:
    """The same, or 0 where the best replies are to be found by it."""
    wanted = _logprobs(node)
    return 0 if wanted is None and _drafts(node) > count(node) else wanted
