"""The body of `POST /v1/completions` -> passages to continue, and their replies -> its answer, whole and streamed.

A prompt is taken as its writer wrote it: there is no template, and the spelling of a special token is that token, as
people who write prompts by hand expect. Only where a `suffix` is given are both texts code in which nothing is markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from cortex.core.errors import BadRequest
from cortex.core.events import Done, Event, Reply, Text
from cortex.core.job import Job, Usage, added, total
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
from cortex.server.wire.fields import Field, Obeyed, Refused, Table
from cortex.server.wire.inputs import read_inputs
from cortex.server.wire.node import Node
from cortex.server.wire.response import Head, counters, usage
from cortex.server.wire.stream import DONE

MAX_TOKENS: Final = 16  # OpenAI's
_TEXT: Final = {"type": "string"}
_FLAG: Final = {"type": "boolean"}
_INT: Final = {"type": "integer"}

_LATER: Final = "not supported by this route"

_OWN = (
    Field("prompt", Obeyed(), "What to continue, as it is: special tokens' spellings are those tokens.", inputs.SCHEMA),
    Field("suffix", Obeyed(), "What follows the reply; the model must have fill-in-the-middle tokens.", _TEXT),
    Field("echo", Obeyed(), "Begin each text of the answer with its prompt.", _FLAG),
    Field("best_of", Obeyed(), "As n: the best of more cannot be told.", {"type": "integer", "minimum": 1}),
    Field("max_tokens", Obeyed(), "The most tokens of the reply, 16 unless said; -1: up to the context's end.", _INT),
    Field("logprobs", Refused(f"log probabilities are {_LATER}"), "null.", _INT),
    Field("n_probs", Refused(f"log probabilities are {_LATER}", (0,)), "0.", _INT, openai=False),
    Field("ignore_eos", Refused(f"going on after the end is {_LATER}", (False,)), "false.", _FLAG, openai=False),
    Field("grammar", Refused(f"a grammar is {_LATER}", ("",)), "Empty.", _TEXT, openai=False),
)
_AS_IN_A_CHAT = (
    "model stream stream_options n max_completion_tokens stop temperature top_p frequency_penalty presence_penalty "
    "logit_bias seed user top_k min_p repeat_penalty repeat_last_n engine cache_prompt min_keep typ_p tfs_z mirostat "
    "mirostat_tau mirostat_eta dynatemp_range dynatemp_exponent penalize_nl"
)
TABLE: Table = {row.name: row for row in (*_OWN, *(fields.FIELDS[name] for name in _AS_IN_A_CHAT.split()))}


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One request, read: `count` replies to each passage. `warnings` name what the client sent to no effect."""

    model: str
    passages: tuple[Passage, ...]
    count: int = 1
    echo: bool = False
    stream: bool = False
    include_usage: bool = False
    warnings: tuple[str, ...] = ()


def read(body: Mapping[str, Any], defaults: Defaults, *, strict: bool = False) -> CompletionRequest:
    """A whole request. `strict` makes a 400 of a field that nobody knows."""
    node = Node(body)
    warnings = checked(node, TABLE, strict=strict)
    return CompletionRequest(
        model_name(body),
        _passages(node, defaults),
        count=_count(node),
        echo=flag(node, "echo", False),
        stream=flag(node, "stream", False),
        include_usage=include_usage(node),
        warnings=tuple(warnings),
    )


def _passages(node: Node, defaults: Defaults) -> tuple[Passage, ...]:
    after = node.get("suffix")
    suffix = after.string() if after else None
    drawn, most = sampling(node, defaults.sampling), max_tokens(node, MAX_TOKENS)
    ends = stop(node, defaults.stop)
    given = read_inputs(node.need("prompt", "a text, or tokens"), markup=suffix is None)
    jobs = (Job((one.segment,), sampling=drawn, max_tokens=most, suffix=suffix, source=one.field) for one in given)
    return tuple(Passage(job, ends) for job in jobs)


def _count(node: Node) -> int:
    """`best_of` drafts are made and the best `n` of them are sent: without log probabilities, all or none."""
    wanted, drafts = count(node), node.get("best_of")
    if drafts is None or drafts.integer(1, 128) == wanted:
        return wanted
    if drafts.integer(1, 128) < wanted:
        raise BadRequest(f"best_of must be at least n, which is {wanted}", param="best_of")
    raise drafts.refused(f"the best replies cannot be told from the others here; leave it out or set it to {wanted}")


def completion(head: Head, replies: Sequence[Reply], each: int, echoed: Sequence[str] = ()) -> dict[str, Any]:
    """The whole answer: `each` prompt has so many replies. `echoed` are the prompts, where they are wanted."""
    counts = spent([reply.usage for reply in replies], each)
    before = [prompt for prompt in echoed for _ in range(each)] or [""] * len(replies)
    choices = [
        _choice(index, text + reply.text, reply.finish)
        for index, (text, reply) in enumerate(zip(before, replies, strict=True))
    ]
    own = {"warnings": list(head.warnings)} | counters(counts)
    return head.fields("text_completion") | {"choices": choices, "usage": usage(counts), "cortex": own}


def spent(usages: Sequence[Usage], each: int) -> Usage:
    """What all replies took. Each prompt counts once."""
    return added(total(usages[at : at + each]) for at in range(0, len(usages), each))


def _choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}


class TextWriter:
    """Writes the chunks of one streamed answer; it begins with the prompts where they are `echoed`."""

    def __init__(self, head: Head, asked: CompletionRequest, echoed: Sequence[str] = ()) -> None:
        self._head, self._asked, self._echoed = head, asked, echoed
        self._usages: dict[int, Usage] = {}
        self._count = asked.count * len(asked.passages)

    def start(self) -> bytes:
        warnings = {"cortex": {"warnings": self._head.warnings}} if self._head.warnings else {}
        first = self._chunk([], **warnings) if warnings else b""
        texts = [prompt for prompt in self._echoed for _ in range(self._asked.count)]
        return first + b"".join(self._chunk([_choice(index, text, None)]) for index, text in enumerate(texts) if text)

    def event(self, event: Event, index: int = 0) -> bytes:
        match event:
            case Text(text) if text:
                return self._chunk([_choice(index, text, None)])
            case Done(finish, counts):
                self._usages[index] = counts
                last = self._end() if len(self._usages) == self._count else b""
                return self._chunk([_choice(index, "", finish)]) + last
        return b""

    @property
    def usage(self) -> Usage:
        """What all replies took, once they have ended."""
        return spent([self._usages[index] for index in range(self._count)], self._asked.count)

    def _end(self) -> bytes:
        counts = self.usage
        if not self._asked.include_usage:
            return DONE
        return self._chunk([], usage=usage(counts), cortex=counters(counts)) + DONE

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        nulls = {"usage": None} if self._asked.include_usage else {}
        body = self._head.fields("text_completion") | {"choices": choices} | nulls | more
        return b"data: " + msgspec.json.encode(body) + b"\n\n"
