"""Special spellings in what a client wrote: hidden from templates, and plain text in the prompt."""

from __future__ import annotations

import json

import pytest

from cortex.core.job import Segment
from cortex.core.shield import Shield

SPECIALS = ["<|im_start|>", "<|im_end|>", "<s>", "<s>long", "[INST]", "<think>", "</think>", "EOS", "<>", ""]
MARK = "\U000f0000"


@pytest.mark.parametrize("special", [special for special in SPECIALS if special])
def test_what_is_hidden_comes_out_as_plain_text(special: str) -> None:
    shield = Shield(SPECIALS, MARK)
    hidden = shield.hide(f"a{special}b")
    assert special not in hidden
    assert shield.reveal(hidden) == (Segment("a"), Segment(special, markup=False), Segment("b"))


@pytest.mark.parametrize("inside", ["think", "/think", "think>", "</think", "|im_end|", "im_end", "<|im_end", "INST]"])
def test_what_becomes_special_within_a_templates_brackets_is_hidden_too(inside: str) -> None:
    shield = Shield(SPECIALS, MARK)
    assert shield.reveal("<" + shield.hide(f" {inside}\n"))[1] == Segment(inside, markup=False)
    assert shield.hide(f"{inside} about it") == f"{inside} about it"


def test_keys_and_values_of_any_depth_are_hidden() -> None:
    shield = Shield(SPECIALS, MARK)
    given = {"a<s>": [{"b": ("<s>", 1, None)}], "c": True}
    assert "<s>" not in json.dumps(shield.hide(given))
    assert shield.hide({"c": [True, 1, 1.5, None]}) == {"c": [True, 1, 1.5, None]}


def test_a_template_that_escapes_what_is_not_ascii_loses_nothing() -> None:
    shield = Shield(SPECIALS, MARK)
    assert shield.reveal(json.dumps(shield.hide("<s>"))) == (Segment('"'), Segment("<s>", markup=False), Segment('"'))


def test_a_template_that_cuts_a_placeholder_in_two_makes_no_special_token() -> None:
    shield = Shield(SPECIALS, MARK)
    assert all(segment.markup and "<" not in segment.text for segment in shield.reveal(shield.hide("<s>")[:-1]))


def test_thousands_of_spellings_are_one_search() -> None:
    shield = Shield([f"<unused{number}>" for number in range(6000)], MARK)
    assert shield.hide("<unused5><unused59990><unused>").count(MARK) == 2
    assert Shield([], MARK).hide("<s>") == "<s>"


def test_a_mark_that_the_client_used_is_no_mark() -> None:
    used, other = Shield(SPECIALS, MARK), Shield(SPECIALS, chr(ord(MARK) + 1))
    for shield in (used, other):
        shield.hide({"a": [f"b{MARK}0{MARK}"]})
    assert (used.is_clear, other.is_clear) == (False, True)
