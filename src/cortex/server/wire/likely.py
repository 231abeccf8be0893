"""Log probabilities in the form of `/v1/completions`: lists side by side, and where in the text each token begins."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from typing import Any

from cortex.core.job import Chosen


class Likely:
    """Those of one text. Tokens are told once the text that they begin is: a stop string's never are.

    A token that nothing comes before is its bytes: its log probability is null, as with OpenAI.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._length = 0
        self._waiting: list[tuple[int, Chosen | bytes]] = []

    def add(self, tokens: Iterable[Chosen | bytes]) -> None:
        for token in tokens:
            self._waiting.append((self._length, token))
            self._length += len(self._decoder.decode(_data(token)))

    def echo(self, prompt: str, tokens: Sequence[Chosen | bytes]) -> None:
        """The text begins with this prompt, of these tokens: they may spell a space more, which goes before a text."""
        self._length = len(prompt) - len(b"".join(map(_data, tokens)).decode(errors="replace"))
        self.add(tokens)

    def take(self, length: int) -> dict[str, Any] | None:
        """What has not been told of the first `length` characters; None where there is nothing."""
        told = [(start, token) for start, token in self._waiting if start < length]
        del self._waiting[: len(told)]
        return _lists(told) if told else None


def _lists(told: list[tuple[int, Chosen | bytes]]) -> dict[str, Any]:
    tops = [_top(token) for _, token in told]
    return {
        "tokens": [_spelled(_data(token)) for _, token in told],
        "token_logprobs": [None if isinstance(token, bytes) else token.token.logprob for _, token in told],
        "top_logprobs": tops if any(tops) else None,
        "text_offset": [max(0, start) for start, _ in told],
    }


def _data(token: Chosen | bytes) -> bytes:
    return token if isinstance(token, bytes) else token.token.data


def _top(token: Chosen | bytes) -> dict[str, float] | None:
    if isinstance(token, bytes) or not token.top:
        return None
    return {_spelled(one.data): one.logprob for one in (*token.top, token.token)}


def _spelled(data: bytes) -> str:
    """A token's text; the bytes of one that is no whole characters as OpenAI's API spells them: two of them that were
    shown alike would be one key."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)
