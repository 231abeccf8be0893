"""A model's vocabulary: text -> tokens and tokens -> bytes. What a client wrote never becomes a special token."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cortex.core.errors import BadRequest
from cortex.core.job import Cut, Segment
from cortex.core.specials import is_special
from cortex.engines.llama.abi import ATTR_CONTROL, ATTR_UNKNOWN, ATTR_USER_DEFINED, VOCAB_SPM, ffi
from cortex.engines.llama.cuts import Cuts

Tokens = list[int]
BYTES = "surrogateescape"  # whatever the bytes are, they come back
TOKENIZE = "int32_t(const llama_vocab *, const char *, int32_t, llama_token *, int32_t, bool, bool)"


class Vocabulary:
    """`pieces` are the tokens' spellings, `special` the tokens that are markup, `eog` those that end a generation,
    `breaks` those that end a line.
    `tail` is what a whole text ends with: most models want nothing there, those made for embeddings often do.

    Building it asks the library three questions a token: 0.3 s for 152,000 tokens.
    """

    def __init__(self, lib: Any, pointer: Any) -> None:
        self._lib, self._pointer = lib, pointer
        self._cuts = Cuts(self._ask)
        self.size: int = lib.llama_vocab_n_tokens(pointer)
        self.eog = frozenset(token for token in range(self.size) if lib.llama_vocab_is_eog(pointer, token))
        attributes = [lib.llama_vocab_get_attr(pointer, token) for token in range(self.size)]
        self.pieces = _pieces(lib, pointer, self.size)
        self.breaks = frozenset(token for token, piece in enumerate(self.pieces) if piece == b"\n")
        self.special = [
            is_special(piece.decode(errors="replace"), _is_control(attribute, token in self.eog), _is_added(attribute))
            for token, (piece, attribute) in enumerate(zip(self.pieces, attributes, strict=True))
        ]
        added = (self.pieces[i].decode(errors="replace") for i in range(self.size) if _is_added(attributes[i]))
        self._marks = _any_of(mark for mark in added if is_special(mark, control=False, user_defined=True))
        self._bos: int | None = lib.llama_vocab_bos(pointer) if lib.llama_vocab_get_add_bos(pointer) else None
        self.tail = _tail(lib, pointer)
        marks = (lib.llama_vocab_fim_pre, lib.llama_vocab_fim_suf, lib.llama_vocab_fim_mid)
        self._infill: Tokens = [mark(pointer) for mark in marks]
        self._plainly = ffi.callback(TOKENIZE, self._tokenize_plainly)
        self._padded = lib.llama_vocab_type(pointer) == VOCAB_SPM and self._begins_with_space()

    @property
    def addresses(self) -> tuple[int, int]:
        """Those of the `llama_vocab` and of a function like `llama_tokenize` that takes no mark from a text."""
        return int(ffi.cast("uintptr_t", self._pointer)), int(ffi.cast("uintptr_t", self._plainly))

    def text(self, tokens: Iterable[int]) -> bytes:
        """What these tokens spell: special ones as their markup, but nothing for those that end a generation."""
        return b"".join(self.pieces[token] for token in tokens if token not in self.eog)

    def tokenize(self, segments: Sequence[Segment]) -> Tokens:
        """A prompt's tokens, with the beginning-of-sequence token where the vocabulary wants one and the client has not
        given the tokens themselves."""
        tokens = self.plain(segments)
        given = bool(segments and segments[0].tokens)
        return tokens if given or self._bos is None or tokens[:1] == [self._bos] else [self._bos, *tokens]

    def plain(self, segments: Sequence[Segment]) -> Tokens:
        """The tokens of these segments and no others."""
        tokens: Tokens = []
        for given, run in itertools.groupby(segments, key=lambda segment: bool(segment.tokens)):
            if given:
                tokens += [token for segment in run for token in segment.tokens]
            else:
                self._cut_texts(run, tokens)
        return tokens

    def _cut_texts(self, segments: Iterable[Segment], tokens: Tokens) -> None:
        """Put the tokens of these texts behind `tokens`."""
        for markup, run in itertools.groupby(segments, key=lambda segment: segment.markup):
            text = "".join(segment.text for segment in run)
            for part in [text] if markup else self._harmless(text):
                continues = bool(tokens) and not self.special[tokens[-1]]
                tokens += self._cut(part, parse_special=markup, continues=continues)

    def infill(self, before: Sequence[Segment], after: str) -> Tokens:
        """The prompt for what stands between these two. BadRequest where the model has no tokens for that."""
        if min(self._infill) < 0:
            raise BadRequest("this model has no fill-in-the-middle tokens: leave the suffix out", param="suffix")
        prefix, suffix, middle = self._infill
        start = [] if self._bos is None else [self._bos]
        text = self.plain([Segment(after, markup=False)])
        return [*start, prefix, *self.plain(before), suffix, *text, middle]

    def spell(self, tokens: Sequence[int]) -> Cut:
        """These tokens with what they spell. Together they may have a space less: the one that goes before a text."""
        pieces = tuple(self.pieces[token] for token in tokens)
        room = sum(map(len, pieces)) + 8
        out = ffi.new("char[]", room)
        count = self._lib.llama_detokenize(self._pointer, list(tokens), len(tokens), out, room, False, True)
        return Cut(tuple(tokens), pieces, bytes(ffi.buffer(out)[: max(0, count)]))

    def continued(self, text: str) -> Tokens:
        """The tokens of a text that a model may say, its marks as the special tokens that they are."""
        return self._cut(text, parse_special=True, continues=True)

    def plainly(self, text: bytes) -> Tokens:
        """The tokens of a plain text that goes on behind others."""
        return self._cut_bytes(text, parse_special=False, continues=True)

    def _harmless(self, text: str) -> Iterator[str]:
        """The text in parts that hold no mark.

        llama.cpp takes user-defined tokens (`<tool_call>`) from a text even when told to parse no special tokens. Cut
        after its first character, a mark's spelling becomes plain tokens; nothing is lost and nothing added.
        """
        start = 0
        while self._marks and (found := self._marks.search(text, start)):
            yield text[start : found.start() + 1]
            start = found.start() + 1
        yield text[start:]

    def _cut(self, text: str, *, parse_special: bool, continues: bool) -> Tokens:
        """llama.cpp's tokens. A lone surrogate is no text: it becomes a question mark."""
        return self._cut_bytes(text.encode(errors="replace"), parse_special=parse_special, continues=continues)

    def _cut_bytes(self, text: bytes, *, parse_special: bool, continues: bool) -> Tokens:
        """A sentencepiece vocabulary puts a space before a text; one that continues wants none."""
        if not (self._padded and continues):
            return self._tokenize(text, parse_special)
        tokens = self._tokenize(b"\n" + text, parse_special)
        newline = next((i for i, token in enumerate(tokens[:2]) if self.pieces[token] == b"\n"), None)
        return self._tokenize(text, parse_special) if newline is None else tokens[newline + 1 :]

    def _tokenize(self, text: bytes, parse_special: bool) -> Tokens:
        return self._cuts(text, parse_special)

    def _ask(self, text: bytes, parse_special: bool) -> Tokens:
        room = len(text) + 8
        out = ffi.new("llama_token[]", room)
        count = self._lib.llama_tokenize(self._pointer, text, len(text), out, room, False, parse_special)
        tokens: Tokens = ffi.unpack(out, max(0, count))
        return tokens

    def _tokenize_plainly(
        self, _: Any, text: Any, length: int, out: Any, room: int, add_special: bool, parse_special: bool
    ) -> int:
        """`llama_tokenize`, but a user-defined token is not found in a text that spells it: see `_harmless`."""
        raw = ffi.buffer(text, length)[:]
        first, *others = (part.encode(errors=BYTES) for part in self._harmless(raw.decode(errors=BYTES)))
        if not others:
            count: int = self._lib.llama_tokenize(self._pointer, text, length, out, room, add_special, parse_special)
            return count
        tokens = self._tokenize(first, parse_special)
        for part in others:
            tokens += self._cut_bytes(part, parse_special=parse_special, continues=True)
        if len(tokens) > room:
            return -len(tokens)
        out[0 : len(tokens)] = tokens
        return len(tokens)

    def _begins_with_space(self) -> bool:
        return self.pieces[self._tokenize(b"a", parse_special=False)[0]].startswith(b" ")


def _pieces(lib: Any, pointer: Any, size: int) -> list[bytes]:
    room = 1024
    buffer, piece = ffi.new("char[]", room), lib.llama_token_to_piece
    lengths = (piece(pointer, token, buffer, room, 0, True) for token in range(size))
    return [ffi.buffer(buffer)[: max(0, length)] for length in lengths]


def _tail(lib: Any, pointer: Any) -> Tokens:
    ends = {lib.llama_vocab_get_add_eos: lib.llama_vocab_eos, lib.llama_vocab_get_add_sep: lib.llama_vocab_sep}
    return [token(pointer) for wanted, token in ends.items() if wanted(pointer)]


def _is_control(attribute: int, ends: bool) -> bool:
    return ends or bool(attribute & (ATTR_CONTROL | ATTR_UNKNOWN))


def _is_added(attribute: int) -> bool:
    return bool(attribute & ATTR_USER_DEFINED)


def _any_of(marks: Iterable[str]) -> re.Pattern[str] | None:
    spellings = sorted(filter(None, marks), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, spellings))) if spellings else None
