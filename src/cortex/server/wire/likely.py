"""Log probabilities in the form of `/v1/completions`: lists side by side, and where in the text each token begins."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from typing import Any

from cortex.core.job import Chosen


class Likely:
    """Those of one text. Tokens are told once the text that they begin is: a stop string's never are."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._length = 0
        self._waiting: list[tuple[int, Chosen]] = []

    def add(self, tokens: Iterable[Chosen]) -> None:
        for token in tokens:
            self._waiting.append((self._length, token))
            self._length += len(self._decoder.decode(token.token.data))

    def take(self, length: int) -> dict[str, Any] | None:
        """What has not been told of the first `length` characters; None where there is nothing."""
        told = [(start, token) for start, token in self._waiting if start < length]
        del self._waiting[: len(told)]
        return _lists(told) if told else None


def _lists(told: list[tuple[int, Chosen]]) -> dict[str, Any]:
    tops = [{_spelled(one.data): one.logprob for one in (*token.top, token.token)} for _, token in told if token.top]
    return {
        "tokens": [_spelled(token.token.data) for _, token in told],
        "token_logprobs": [token.token.logprob for _, token in told],
        "top_logprobs": tops or None,
        "text_offset": [start for start, _ in told],
    }


def _spelled(data: bytes) -> str:
    """A token's text; the bytes of one that is no whole characters as OpenAI's API spells them: two of them that were
    shown alike would be one key."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)
