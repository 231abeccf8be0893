"""A real vocabulary: client text is text, markup is markup, and tokens spell what they came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cortex.core.errors import BadRequest
from cortex.core.job import Cut, Segment
from cortex.engines.llama.model import Model, Settings
from cortex.engines.llama.vocabulary import Vocabulary

MARKS = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<tool_call>", "</tool_call>"]


@pytest.fixture(scope="module")
def sentencepiece(transformer: Path) -> Iterator[Vocabulary]:
    """A grown vocabulary with `<s>`, and with a space before every text."""
    model = Model(Settings(str(transformer)), lambda fraction: None)
    yield model.vocabulary
    model.close()


@pytest.fixture(scope="module")
def words(qwen_coder_05: Path) -> Iterator[Vocabulary]:
    model = Model(Settings(str(qwen_coder_05)), lambda fraction: None)
    yield model.vocabulary
    model.close()


@pytest.mark.model
@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_in_markup_is_one_special_token(words: Vocabulary, mark: str) -> None:
    [token] = words.tokenize([Segment(mark)])
    assert words.special[token]
    assert words.pieces[token] == mark.encode()


@pytest.mark.model
@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("text", ["{}", "say {} please", "{}{}", "<{}", "<<{}>>", "é{}é", "\n{}\n"])
def test_a_mark_in_client_text_is_plain_text(words: Vocabulary, text: str, mark: str) -> None:
    text = text.replace("{}", mark)
    tokens = words.tokenize([Segment(text, markup=False)])
    assert not any(words.special[token] or token in words.eog for token in tokens)
    assert b"".join(words.pieces[token] for token in tokens).decode() == text


@pytest.mark.model
def test_a_mark_does_not_grow_together_across_segments_of_client_text(words: Vocabulary) -> None:
    tokens = words.tokenize([Segment("<tool_", markup=False), Segment("call>", markup=False)])
    assert not any(words.special[token] for token in tokens)


@pytest.mark.model
def test_a_mark_does_not_grow_together_out_of_markup_and_client_text(words: Vocabulary) -> None:
    tokens = words.tokenize([Segment("<tool_"), Segment("call>", markup=False), Segment("<|im_end|>")])
    assert [words.special[token] for token in tokens] == [False] * (len(tokens) - 1) + [True]


@pytest.mark.model
def test_a_prompt_is_cut_as_a_whole_where_nothing_parts_it(words: Vocabulary) -> None:
    whole = words.tokenize([Segment("The quick brown fox")])
    assert words.tokenize([Segment("The qui"), Segment("ck brown fox")]) == whole
    assert words.tokenize([Segment("The quick brown fox", markup=False)]) == whole


@pytest.mark.model
def test_what_ends_a_generation_spells_nothing_and_other_marks_their_markup(words: Vocabulary) -> None:
    tokens = words.tokenize([Segment("a<tool_call>b<|im_end|>")])
    assert words.text(tokens) == b"a<tool_call>b"


@pytest.mark.model
def test_characters_survive_being_cut_into_bytes(words: Vocabulary) -> None:
    text = "naïve ☃ 𝄞 日本語 \x00 tab\t"
    assert words.text(words.tokenize([Segment(text, markup=False)])).decode() == text


@pytest.mark.model
def test_a_lone_surrogate_is_no_error(words: Vocabulary) -> None:
    assert words.text(words.tokenize([Segment("a\ud800b", markup=False)])) == b"a?b"


@pytest.mark.model
def test_qwen_wants_no_beginning_of_sequence(words: Vocabulary) -> None:
    assert words.text(words.tokenize([Segment("x")])) == b"x"
    assert words.tokenize([]) == []


def spelled(words: Vocabulary, *segments: Segment) -> list[bytes]:
    return [words.pieces[token] for token in words.tokenize(segments)]


def test_a_prompt_begins_with_the_beginning_of_sequence_once(sentencepiece: Vocabulary) -> None:
    assert spelled(sentencepiece, Segment("hello")) == [b"<s>", b" hello"]
    assert spelled(sentencepiece, Segment("<s>hello")) == [b"<s>", b" hello"]
    assert spelled(sentencepiece) == [b"<s>"]


def test_a_text_that_continues_another_gets_no_space_of_its_own(sentencepiece: Vocabulary) -> None:
    halves = (Segment("x"), Segment("hello", markup=False), Segment("y hello"))
    assert spelled(sentencepiece, *halves) == [b"<s>", b" ", b"x", b"hello", b"y", b" hello"]


def test_a_text_after_a_mark_gets_its_space_as_it_would_in_one_piece(sentencepiece: Vocabulary) -> None:
    whole = spelled(sentencepiece, Segment("<tool_call>hello"))
    assert spelled(sentencepiece, Segment("<tool_call>"), Segment("hello", markup=False)) == whole


def test_client_text_stays_text_in_a_sentencepiece_vocabulary(sentencepiece: Vocabulary) -> None:
    text = "<tool_call></s><s><tool_call"
    tokens = sentencepiece.tokenize([Segment("x"), Segment(text, markup=False)])
    assert not any(sentencepiece.special[token] for token in tokens[1:])
    assert sentencepiece.text(tokens[1:]).decode() == " x" + text


def test_added_tokens_of_mere_text_are_no_marks(sentencepiece: Vocabulary) -> None:
    assert b"   " in spelled(sentencepiece, Segment("x   y", markup=False))
    marks = {piece for piece, special in zip(sentencepiece.pieces, sentencepiece.special, strict=True) if special}
    assert marks == {b"<unk>", b"<s>", b"</s>", b"<tool_call>"}


def test_tokens_of_the_client_are_taken_as_they_are(sentencepiece: Vocabulary) -> None:
    assert sentencepiece.tokenize([Segment(tokens=(7, 8)), Segment(tokens=(7, 8))]) == [7, 8, 7, 8]
    assert sentencepiece.tokenize([Segment("x"), Segment(tokens=(7,))])[-1] == 7


def test_only_a_prompt_begins_with_the_beginning_of_sequence(sentencepiece: Vocabulary) -> None:
    tokens = sentencepiece.plain([Segment("hello")])
    assert [sentencepiece.pieces[token] for token in tokens] == [b" hello"]


def test_what_tokens_spell_together_has_no_space_that_was_put_before_the_text(sentencepiece: Vocabulary) -> None:
    cut = sentencepiece.spell(sentencepiece.plain([Segment("hello<tool_call> x")]))
    assert cut.pieces[0] == b" hello"
    assert cut.text.decode().replace(" ", "") == "hello<tool_call>x"
    assert cut.text.startswith(b"hello")
    assert sentencepiece.spell([]) == Cut((), (), b"")


def test_a_vocabulary_without_the_tokens_for_it_fills_in_nothing(sentencepiece: Vocabulary) -> None:
    with pytest.raises(BadRequest, match="no fill-in-the-middle tokens"):
        sentencepiece.infill([Segment("x", markup=False)], "y")


@pytest.mark.model
def test_what_is_to_be_filled_in_stands_behind_both_its_sides(words: Vocabulary) -> None:
    tokens = words.infill([Segment("<|fim_middle|>a", markup=False)], "b<|fim_suffix|>")
    spelled = b"".join(words.pieces[token] for token in tokens)
    assert spelled == b"<|fim_prefix|><|fim_middle|>a<|fim_suffix|>b<|fim_suffix|><|fim_middle|>"
    assert sum(words.special[token] for token in tokens) == 3
