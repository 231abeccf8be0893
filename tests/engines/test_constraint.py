"""Grammars over a vocabulary of bytes: no model is needed to know what may follow."""

from __future__ import annotations

import numpy as np
import pytest

from cortex.core.errors import BadRequest, EngineError
from cortex.core.job import Part
from cortex.engines.constraint import Constraint, Grammars, byte_tokenizer

END = 261  # the byte vocabulary's end of generation


@pytest.fixture(scope="module")
def grammars() -> Grammars:
    return Grammars(byte_tokenizer())


def allowed(constraint: Constraint) -> set[int]:
    bits = np.unpackbits(constraint.mask().view(np.uint8), bitorder="little")
    return set(np.flatnonzero(bits).tolist())


def say(constraint: Constraint, text: bytes) -> None:
    for byte in text:
        constraint.consume(byte)


def test_the_mask_allows_what_the_grammar_allows_and_nothing_else(grammars: Grammars) -> None:
    assert allowed(grammars.compile('start: "a" | /[x-z]/')) == set(b"axyz")


def test_the_mask_follows_what_was_said(grammars: Grammars) -> None:
    constraint = grammars.compile("start: /ab?c/")
    say(constraint, b"a")
    assert allowed(constraint) == set(b"bc")


def test_what_is_asked_of_single_tokens_is_what_the_mask_says(grammars: Grammars) -> None:
    constraint = grammars.compile('start: /[a-z]+/ ("{" /[0-9]{1,3}/ "}")?')
    for byte in b"ab{12}":
        may = allowed(constraint)
        assert [token for token in range(END + 1) if constraint.allows([token])] == sorted(may)
        assert constraint.allows(may)
        assert not constraint.allows([*may, 0])
        constraint.consume(byte)


def test_the_end_is_allowed_only_where_the_text_is_whole(grammars: Grammars) -> None:
    constraint = grammars.compile("start: /a+b*/")
    assert END not in allowed(constraint)
    assert not constraint.accepting
    say(constraint, b"a")
    assert END in allowed(constraint)
    assert constraint.accepting
    assert not constraint.finished


def test_forced_tokens_are_those_that_must_follow_and_are_consumed(grammars: Grammars) -> None:
    constraint = grammars.compile('start: "name: " /[ab]/ "!"')
    assert bytes(constraint.forced()) == b"name: "
    assert constraint.forced() == []
    say(constraint, b"a")
    assert bytes(constraint.forced()) == b"!"


@pytest.mark.parametrize(
    ("guess", "said", "forced"),
    [
        (b"abc", b"abc", "nny"),
        (b"ab", b"abc", "nny"),
        (b"abx", b"abc", "nny"),
        (b"x", b"", ""),
        (b"!", b"!", "n"),
        (b"abcabc!", b"abcabc!", "nnynnyn"),
        (b"", b"", ""),
    ],
)
def test_a_guess_is_followed_as_far_as_it_may_with_all_that_it_forces(
    grammars: Grammars, guess: bytes, said: bytes, forced: str
) -> None:
    constraint = grammars.compile('start: ("a" ("b" "c" | "d"))* "!"')
    tokens, decided = constraint.ahead(guess)
    assert (bytes(tokens), decided) == (said, [each == "y" for each in forced])
    assert allowed(constraint) == {ord("a"), ord("!")}, "nothing is consumed"


def test_nothing_may_follow_a_finished_text(grammars: Grammars) -> None:
    constraint = grammars.compile('start: "no" | "yes"')
    say(constraint, b"no")
    assert constraint.finished
    assert constraint.ahead(b"no") == ([], [])


def test_a_constraint_is_finished_as_soon_as_nothing_can_follow(grammars: Grammars) -> None:
    constraint = grammars.compile('start: "yes" | "no"')
    say(constraint, b"n")
    assert not constraint.finished
    say(constraint, b"o")
    assert constraint.finished


def test_a_wholly_forced_text_finishes_without_a_choice(grammars: Grammars) -> None:
    constraint = grammars.compile('start: "exactly this"')
    assert bytes(constraint.forced()) == b"exactly this"
    assert constraint.finished


def test_a_grammar_that_does_not_compile_is_the_requests_fault_and_says_why(grammars: Grammars) -> None:
    with pytest.raises(BadRequest, match="missing_rule") as caught:
        grammars.compile("start: missing_rule")
    assert caught.value.code == "invalid_grammar"


def test_the_part_that_does_not_compile_is_named(grammars: Grammars) -> None:
    good, bad = Part("tools.0.function.parameters", 'start: "a"'), Part("response_format", "start: %json {{")
    with pytest.raises(BadRequest) as caught:
        grammars.compile("start: %json {{", (good, bad))
    assert caught.value.param == "response_format"


def test_parts_are_not_looked_at_where_the_whole_compiles(grammars: Grammars) -> None:
    assert allowed(grammars.compile('start: "b"', (Part("tools", "start: nonsense"),))) == {ord("b")}


def test_two_jobs_with_the_same_grammar_do_not_meet(grammars: Grammars) -> None:
    one, other = grammars.compile('start: "ab" | "cd"'), grammars.compile('start: "ab" | "cd"')
    say(one, b"a")
    assert allowed(one) == {ord("b")}
    assert allowed(other) == set(b"ac")


def test_a_kept_grammar_begins_anew_after_its_job_went_wrong(grammars: Grammars) -> None:
    broken = grammars.compile('start: "only"')
    with pytest.raises(EngineError):
        broken.consume(ord("x"))
    assert allowed(grammars.compile('start: "only"')) == {ord("o")}


def test_only_the_grammars_used_last_are_kept() -> None:
    grammars = Grammars(byte_tokenizer(), room=2)
    for text in ("a", "b", "a", "c"):
        grammars.compile(f'start: "{text}"')
    assert list(grammars._compiled) == ['start: "a"', 'start: "c"']


def test_a_token_that_the_grammar_forbids_is_an_error(grammars: Grammars) -> None:
    constraint = grammars.compile('start: "a"')
    with pytest.raises(EngineError, match="the grammar forbids"):
        constraint.consume(ord("b"))


def test_a_grammar_too_complex_to_follow_is_the_requests_fault(grammars: Grammars) -> None:
    rules = [f'r{i}: "a" r{i} | "a" | "b{i}"' for i in range(3000)]
    constraint = grammars.compile("\n".join(["start: " + " | ".join(f"r{i}" for i in range(3000)), *rules]))
    with pytest.raises(BadRequest, match=r"too complex to follow: .*max is"):
        say(constraint, b"a" * 20)
