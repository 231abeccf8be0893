"""Grammars tried without a model: one token a byte, and a variant in which the markers are single tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

NAMES = ["<tool_call>", "</tool_call>", "<think>", "</think>", "<eos>"]
SPECIALS = {name: 256 + number for number, name in enumerate(NAMES)}
BYTES = LLTokenizer("byte")


class Vocabulary:
    tokens = [bytes([byte]) for byte in range(256)] + [name.encode() for name in NAMES]
    special_token_ids = list(SPECIALS.values())  # noqa: RUF012
    eos_token_id = SPECIALS["<eos>"]
    bos_token_id = None

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode())


MARKED = LLTokenizer(TokenizerWrapper(Vocabulary()))


def matcher(grammar: str, *, marked: bool = False) -> LLMatcher:
    found = LLMatcher(MARKED if marked else BYTES, grammar, log_level=1)
    assert not found.is_error(), f"{found.get_error()}\n{grammar}"
    return found


def encode(text: str) -> list[int]:
    """The text with its markers as single tokens."""
    parts = re.split(f"({'|'.join(map(re.escape, NAMES))})", text)
    return [token for part in parts for token in ([SPECIALS[part]] if part in SPECIALS else part.encode())]


def accepts(grammar: str, text: str, *, marked: bool = False) -> bool:
    """Whether the text is a whole reply under this grammar."""
    tokens = encode(text) if marked else list(text.encode())
    found = matcher(grammar, marked=marked)
    return found.try_consume_tokens(tokens) == len(tokens) and found.is_accepting()


def begins(grammar: str, text: str) -> bool:
    """Whether the text can begin a reply under this grammar."""
    return matcher(grammar).try_consume_tokens(list(text.encode())) == len(text.encode())


def forced(grammar: str) -> str:
    """What every reply begins with."""
    return matcher(grammar).compute_ff_bytes().decode()


def cuts(text: str) -> Sequence[Sequence[str]]:
    """The text whole, by characters, and cut in two at every place."""
    return [[text], list(text), *([text[:at], text[at:]] for at in range(1, len(text)))]
