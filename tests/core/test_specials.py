"""Which tokens are markup."""

from __future__ import annotations

import pytest

from cortex.core.specials import is_special


@pytest.mark.parametrize(
    "spelling", ["<tool_call>", "</tool_call>", "<|fim|>", "[TOOL_CALLS]", " <think>", "<｜tool▁sep｜>"]
)
def test_a_user_defined_token_that_looks_like_markup_is_special(spelling: str) -> None:
    assert is_special(spelling, control=False, user_defined=True)


@pytest.mark.parametrize("spelling", ["    ", "[]", "<>", "<-", "->", "hello", "", "<", "[x", "x>", "\n\n", "<|>"])
def test_a_user_defined_token_of_text_is_text(spelling: str) -> None:
    assert not is_special(spelling, control=False, user_defined=True)


@pytest.mark.parametrize("spelling", ["<tool_call>", "[TOOL_CALLS]", "<div>"])
def test_a_normal_token_is_text_whatever_it_looks_like(spelling: str) -> None:
    assert not is_special(spelling, control=False, user_defined=False)


@pytest.mark.parametrize("spelling", ["<|im_end|>", "</s>", "EOT", ""])
def test_a_control_token_is_special_whatever_it_looks_like(spelling: str) -> None:
    assert is_special(spelling, control=True, user_defined=False)
