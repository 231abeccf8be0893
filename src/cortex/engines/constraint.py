"""Grammar -> which tokens may come next, and which must. The only file that imports llguidance; never sees logits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from llguidance.gbnf_to_lark import gbnf_to_lark

from cortex.core.errors import BadRequest, EngineError
from cortex.core.job import Part
from cortex.engines import gbnf

Mask = npt.NDArray[np.int32]  # one bit a token, lowest bit first; 1 is allowed

# With the default fuel for the lexer, patterns with long texts end in a state in which nothing may follow (1e6 at the
# start), and free text that may lead to any way to write a call ends in an error (2e5 a step); with more of it a step
# still takes 0.5 ms, and 10 ms at most. With the default row (2,000 items), an object cannot have a thousand optional
# properties; 4,000 of them take 30 ms where any may come. Verbose errors show the parser's whole state.
LIMITS: Final = LLParserLimits(
    initial_lexer_fuel=50_000_000, step_lexer_fuel=20_000_000, max_items_in_row=20_000, verbose_errors=False
)
FORBIDDEN: Final = "satisfy the grammar"  # how llguidance says that a token was not allowed


class Constraint:
    """One job's way through its grammar.

    Take tokens from `forced`, and where it gives none, one that `mask` allows, to `consume`; until `finished`.
    A grammar that turns out too complex on the way is a BadRequest, any other trouble an EngineError; after either
    the constraint is of no more use.
    """

    def __init__(self, matcher: LLMatcher, size: int) -> None:
        self._matcher = matcher
        self._mask: Mask = np.zeros((size + 31) // 32, dtype=np.int32)

    @property
    def accepting(self) -> bool:
        """Whether the text so far is a whole sentence of the grammar."""
        return bool(self._matcher.is_accepting())

    @property
    def finished(self) -> bool:
        """Whether the text is whole and nothing can follow it."""
        return bool(self._matcher.is_stopped())

    def mask(self) -> Mask:
        """The tokens that may come next. The array is the constraint's own and changes with the next call."""
        self._matcher.unsafe_compute_mask_ptr(self._mask.ctypes.data, self._mask.nbytes)
        self._check()
        return self._mask

    def allows(self, tokens: Iterable[int]) -> bool:
        """Whether each of these tokens may come next. A token takes 1 us, a mask of free text 1 ms where it is new."""
        return all(self._matcher.validate_tokens([token]) for token in tokens)

    def consume(self, token: int) -> None:
        self._matcher.consume_token(token)
        self._check()

    def forced(self) -> list[int]:
        """The tokens that must come next, tokenised as the model would; already consumed. Often there are none."""
        tokens = _forced(self._matcher)
        self._check()
        return tokens

    def copy(self) -> Constraint:
        """One at the same place, that goes its own way."""
        return Constraint(self._matcher.deep_copy(), 32 * len(self._mask))

    def ahead(self, tokens: Sequence[int]) -> tuple[list[int], list[bool]]:
        """What is said if these tokens come next, as far as they may: with what they force between and behind them.
        The second list says which tokens are forced. Consumes none.

        A copy is asked: a grammar that turns out too complex there has not failed the job, which may go another way.
        """
        copy, said, forced, place = self._matcher.deep_copy(), list[int](), list[bool](), 0
        while place < len(tokens) and copy.try_consume_tokens([tokens[place]]):
            follow = _forced(copy)
            said += [tokens[place], *follow]
            forced += [False, *[True] * len(follow)]
            place += 1 + len(follow)
            if said[len(said) - len(follow) :] != list(tokens[place - len(follow) : place]):
                break
        return said, forced

    def _check(self) -> None:
        if not self._matcher.is_error():
            return
        message = _words(self._matcher)
        if FORBIDDEN in message:
            raise EngineError(f"a token was said that the grammar forbids: {message}")
        raise BadRequest(f"the grammar is too complex to follow: {message}", code="invalid_grammar")


def _forced(matcher: LLMatcher) -> list[int]:
    """What must come next, consumed. A text that is spelled like a mark is tokenised as that mark, which the grammar
    does not mean: from there on nothing is forced, and the mask decides."""
    tokens: list[int] = matcher.compute_ff_tokens()
    return tokens[: matcher.try_consume_tokens(tokens)] if tokens else []


@dataclass(slots=True)
class Grammars:
    """Compiles grammars for one vocabulary, and keeps the `room` last used: a chat's tools rarely change."""

    tokenizer: LLTokenizer
    room: int = 64
    _compiled: OrderedDict[str, LLMatcher] = field(default_factory=OrderedDict)

    def compile(self, grammar: str, parts: Sequence[Part] = ()) -> Constraint:
        """A constraint at the start of this grammar (llguidance's Lark, or GBNF).

        Where it does not compile, BadRequest says why, and names the field of the first of `parts` that does not
        compile alone either.
        """
        matcher = self._compiled.pop(grammar, None) or self._new(grammar, parts)
        self._compiled[grammar] = matcher
        if len(self._compiled) > self.room:
            self._compiled.popitem(last=False)
        return Constraint(matcher.deep_copy(), self.tokenizer.vocab_size)

    def _new(self, grammar: str, parts: Sequence[Part]) -> LLMatcher:
        matcher = self._matcher(grammar)
        if matcher.is_error():
            for part in parts:
                self._refuse(self._matcher(part.grammar), part.param)
            self._refuse(matcher, None)
        return matcher

    def _matcher(self, grammar: str) -> LLMatcher:
        return LLMatcher(self.tokenizer, LLMatcher.grammar_from_lark(_lark(grammar)), log_level=0, limits=LIMITS)

    def _refuse(self, matcher: LLMatcher, param: str | None) -> None:
        if matcher.is_error():
            message = f"no grammar can be made of this: {_words(matcher)}"
            raise BadRequest(message, param=param, code="invalid_grammar")


def _lark(grammar: str) -> str:
    """The grammar as Lark. Only a client writes GBNF, in the one field that is named here."""
    if not gbnf.is_gbnf(grammar):
        return grammar
    try:
        return str(gbnf_to_lark(gbnf.plain(grammar)))
    except Exception as error:  # it raises Exception itself, and where a text ends too early an IndexError
        message = "it ends too early" if isinstance(error, IndexError) else str(error)
        raise BadRequest(
            f"no grammar can be made of this: {message}", param="grammar", code="invalid_grammar"
        ) from error


def _words(matcher: LLMatcher) -> str:
    return matcher.get_error().replace("<non-verbose/>", "").strip()


def byte_tokenizer() -> LLTokenizer:
    """A vocabulary whose tokens 0 to 255 are the bytes: grammars work without any model."""
    return LLTokenizer("byte")


def llama_tokenizer(
    tokens: Sequence[bytes], special: Sequence[bool], eog: Sequence[int], *, vocabulary: int, tokenize: int
) -> LLTokenizer:
    """The vocabulary of a llama.cpp model.

    `tokens` are the spellings of all tokens, `special` says which are markup: grammars name those as `<[id]>`, and
    text never matches them. `eog` are all tokens that end a generation. `vocabulary` and `tokenize` are the addresses
    of the `llama_vocab` and of the function `llama_tokenize`, for the model's own way to cut forced text into tokens.
    """
    marked = [b"\xff" + token if mark else token for token, mark in zip(tokens, special, strict=True)]
    make: Any = LLTokenizer.from_llamacpp  # type: ignore[attr-defined]  # its stubs do not know it
    tokenizer: LLTokenizer = make(
        tokens=marked, vocab_ptr=vocabulary, tokenize_fptr=tokenize, eos_token=list(eog), slices=None
    )
    return tokenizer
