"""Replies to passages -> the answer of `POST /v1/completions`, whole or in chunks. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from cortex.core.events import Done, Echo, Event, Reply, Text, Tokens
from cortex.core.job import Chosen, Usage, added, total
from cortex.server.wire.completions import CompletionRequest
from cortex.server.wire.likely import Likely
from cortex.server.wire.response import Head, counters, usage
from cortex.server.wire.stream import DONE, Writer


def completion(
    head: Head, asked: CompletionRequest, replies: Sequence[Reply], echoed: Sequence[str] = ()
) -> dict[str, Any]:
    """The whole answer. `replies` are all drafts, those of one prompt side by side; `echoed` are the prompts, where
    they are wanted."""
    drafts = [replies[at : at + asked.drafts] for at in range(0, len(replies), asked.drafts)]
    before = echoed or [""] * len(drafts)
    sent = [(prompt, one) for prompt, group in zip(before, drafts, strict=True) for one in best(group, asked.count)]
    counts = spent([reply.usage for reply in replies], asked.drafts)
    return head.fields("text_completion") | {
        "choices": [_whole(index, prompt, reply, asked) for index, (prompt, reply) in enumerate(sent)],
        "usage": usage(counts),
        "cortex": {"warnings": list(head.warnings)} | counters(counts),
    }


def best(drafts: Sequence[Reply], count: int) -> Sequence[Reply]:
    """The likeliest, by the mean log probability of their tokens; all of them in the order they were asked for."""
    return drafts if len(drafts) == count else sorted(drafts, key=_mean, reverse=True)[:count]


def _mean(reply: Reply) -> float:
    return sum(one.token.logprob for one in reply.tokens) / len(reply.tokens) if reply.tokens else float("-inf")


def spent(usages: Sequence[Usage], each: int) -> Usage:
    """What all replies took, where each prompt has so many. A prompt counts once."""
    return added(total(usages[at : at + each]) for at in range(0, len(usages), each))


def _whole(index: int, prompt: str, reply: Reply, asked: CompletionRequest) -> dict[str, Any]:
    likely = Likely()
    likely.echo(prompt if asked.likely else "", reply.echoed)
    likely.add(reply.tokens if asked.likely else ())
    return _choice(index, prompt + reply.text, reply.finish, likely.take(len(prompt + reply.text)))


def _choice(index: int, text: str, finish: str | None, likely: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": likely, "finish_reason": finish}


class TextWriter(Writer):
    """Writes the chunks of one streamed answer. Each text begins with its prompt where they are `echoed`: at once, or
    with log probabilities when those of all its tokens are known."""

    def __init__(self, head: Head, asked: CompletionRequest, echoed: Sequence[str] = ()) -> None:
        self._head, self._asked = head, asked
        texts = [prompt for prompt in echoed for _ in range(asked.count)]
        self._prompts = {index: text for index, text in enumerate(texts) if text}  # that are not sent yet
        self._count = asked.count * len(asked.passages)
        self._usages: dict[int, Usage] = {}
        self._likely = [Likely() for _ in range(self._count)]
        self._echoes: list[list[Chosen | bytes]] = [[] for _ in range(self._count)]
        self._sent = [0] * self._count  # characters

    def start(self) -> bytes:
        own = {"cortex": {"warnings": self._head.warnings}} if self._head.warnings else {}
        echo = [] if self._asked.likely else [self._prompt(index) for index in [*self._prompts]]
        return b"".join([self._chunk([], **own) if own else b"", *echo])

    def _prompt(self, index: int) -> bytes:
        """The prompt of this text, if it is to be sent and has not been."""
        if not (text := self._prompts.pop(index, "")):
            return b""
        if self._asked.likely:
            self._sent[index] = len(text)
            self._likely[index].echo(text, self._echoes[index])
        return self._chunk([_choice(index, text, None, self._likely[index].take(len(text)))])

    def event(self, event: Event, index: int = 0) -> bytes:
        if isinstance(event, Echo):
            self._echoes[index] += event.tokens
            return b""
        return self._prompt(index) + self._event(event, index)

    def _event(self, event: Event, index: int) -> bytes:
        match event:
            case Tokens(tokens):
                self._likely[index].add(tokens)
            case Text(text) if text:
                self._sent[index] += len(text)
                return self._chunk([_choice(index, text, None, self._likely[index].take(self._sent[index]))])
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
        if not self._asked.include_usage:
            return DONE
        return self._chunk([], usage=usage(self.usage), cortex=counters(self.usage)) + DONE

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        nulls = {"usage": None} if self._asked.include_usage else {}
        body = self._head.fields("text_completion") | {"choices": choices} | nulls | more
        return b"data: " + msgspec.json.encode(body) + b"\n\n"
