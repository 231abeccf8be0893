"""Grammars tried without a model: one token a byte, and variants in which a dialect's marks are single tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from cortex.core.dialect import Dialect, Span

BYTES = LLTokenizer("byte")
MARK = re.compile(r"\]<\]\w+\[>\[|<[|/\w｜▁:.-]+>|\[/?[A-Z_]+\]")
EOS = "<eos>"


class Vocabulary:
    """The bytes, then these tokens, then the end."""

    bos_token_id = None

    def __init__(self, names: Sequence[str]) -> None:
        self.tokens = [bytes([byte]) for byte in range(256)] + [name.encode() for name in (*names, EOS)]
        self.eos_token_id = len(self.tokens) - 1
        self.special_token_ids = list(range(256, len(self.tokens)))

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode())


@dataclass(frozen=True)
class Marked:
    """A vocabulary in which these texts are single tokens."""

    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, dialect: Dialect) -> Marked:
        spans: Sequence[Span] = (*dialect.thought, *dialect.text)
        drawn = [text for each in dialect.notations for text in (each.begin, each.call, each.end)]
        marks = [dialect.joint, *dialect.markup, *(text for span in spans for text in (span.open, span.close))]
        return cls(tuple(dict.fromkeys(name for text in (*drawn, *marks) for name in MARK.findall(text))))

    @property
    def specials(self) -> dict[str, int]:
        return {name: 256 + number for number, name in enumerate(self.names)}

    def encode(self, text: str) -> list[int]:
        parts = re.split(f"({'|'.join(map(re.escape, self.names))})" if self.names else "(?!)", text)
        return [
            token for part in parts for token in ([self.specials[part]] if part in self.specials else part.encode())
        ]


@lru_cache(maxsize=256)
def tokenizer(marked: Marked) -> LLTokenizer:
    return LLTokenizer(TokenizerWrapper(Vocabulary(marked.names)))


def matcher(grammar: str, marked: Marked | None = None) -> LLMatcher:
    return compiled(grammar, marked).deep_copy()


@lru_cache(maxsize=64)
def compiled(grammar: str, marked: Marked | None) -> LLMatcher:
    found = LLMatcher(tokenizer(marked) if marked else BYTES, grammar, log_level=1)
    assert not found.is_error(), f"{found.get_error()}\n{grammar}"
    return found


def accepts(grammar: str, text: str, marked: Marked | None = None) -> bool:
    """Whether the text is a whole reply under this grammar."""
    tokens = marked.encode(text) if marked else list(text.encode())
    found = matcher(grammar, marked)
    return found.try_consume_tokens(tokens) == len(tokens) and found.is_accepting()


def begins(grammar: str, text: str) -> bool:
    """Whether the text can begin a reply under this grammar."""
    return matcher(grammar).try_consume_tokens(list(text.encode())) == len(text.encode())


def forced(grammar: str) -> str:
    """What every reply begins with."""
    return matcher(grammar).compute_ff_bytes().decode()


def cuts(text: str, step: int = 1) -> Sequence[Sequence[str]]:
    """The text whole, by characters, and cut in two at every place, or at every `step`th."""
    return [[text], list(text), *([text[:at], text[at:]] for at in range(1, len(text), step))]
