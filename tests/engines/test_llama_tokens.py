"""A real vocabulary: client text is text, markup is markup, and tokens spell what they came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cortex.core.job import Segment
from cortex.engines.llama.model import Model, Settings
from cortex.engines.llama.vocabulary import Vocabulary

pytestmark = pytest.mark.model

MARKS = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<tool_call>", "</tool_call>"]


@pytest.fixture(scope="module")
def words(qwen_coder_05: Path) -> Iterator[Vocabulary]:
    model = Model(Settings(str(qwen_coder_05)), lambda fraction: None)
    yield model.vocabulary
    model.close()


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_in_markup_is_one_special_token(words: Vocabulary, mark: str) -> None:
    [token] = words.tokenize([Segment(mark)])
    assert words.special[token]
    assert words.pieces[token] == mark.encode()


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("text", ["{}", "say {} please", "{}{}", "<{}", "<<{}>>", "é{}é", "\n{}\n"])
def test_a_mark_in_client_text_is_plain_text(words: Vocabulary, text: str, mark: str) -> None:
    text = text.replace("{}", mark)
    tokens = words.tokenize([Segment(text, markup=False)])
    assert not any(words.special[token] or token in words.eog for token in tokens)
    assert b"".join(words.pieces[token] for token in tokens).decode() == text


def test_a_mark_does_not_grow_together_across_segments_of_client_text(words: Vocabulary) -> None:
    tokens = words.tokenize([Segment("<tool_", markup=False), Segment("call>", markup=False)])
    assert not any(words.special[token] for token in tokens)


def test_a_mark_does_not_grow_together_out_of_markup_and_client_text(words: Vocabulary) -> None:
    tokens = words.tokenize([Segment("<tool_"), Segment("call>", markup=False), Segment("<|im_end|>")])
    assert [words.special[token] for token in tokens] == [False] * (len(tokens) - 1) + [True]


def test_a_prompt_is_cut_as_a_whole_where_nothing_parts_it(words: Vocabulary) -> None:
    whole = words.tokenize([Segment("The quick brown fox")])
    assert words.tokenize([Segment("The qui"), Segment("ck brown fox")]) == whole
    assert words.tokenize([Segment("The quick brown fox", markup=False)]) == whole


def test_what_ends_a_generation_spells_nothing_and_other_marks_their_markup(words: Vocabulary) -> None:
    tokens = words.tokenize([Segment("a<tool_call>b<|im_end|>")])
    assert words.text(tokens) == b"a<tool_call>b"


def test_characters_survive_being_cut_into_bytes(words: Vocabulary) -> None:
    text = "naïve ☃ 𝄞 日本語 \x00 tab\t"
    assert words.text(words.tokenize([Segment(text, markup=False)])).decode() == text


def test_a_lone_surrogate_is_no_error(words: Vocabulary) -> None:
    assert words.text(words.tokenize([Segment("a\ud800b", markup=False)])) == b"a?b"


def test_qwen_wants_no_beginning_of_sequence(words: Vocabulary) -> None:
    assert words.text(words.tokenize([Segment("x")])) == b"x"
    assert words.tokenize([]) == []
