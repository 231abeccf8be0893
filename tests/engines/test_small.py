"""A small model guesses for a large one: it saves decodes and changes no word.

On grown models, which guess for themselves, so that they are right; flash attention off, because it rounds by batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import grown
import pytest
from drive import Outcome, chat, job, llama, rest, run

from cortex.core.errors import LoadError
from cortex.engines.llama.engine import Llama

GENEROUS = (
    100.0,
    0.02,
    0.01,
)  # of a large model whose cores wait: a small one's work is nothing beside it
DEAR = (1e-9, 1.0, 1.0)  # where nothing that is tried can pay

Start = Callable[..., Llama]


@pytest.fixture
def start(transformer: Path) -> Iterator[Start]:
    begun: list[Llama] = []

    def start(small: Path | None = None, **extra: object) -> Llama:
        extra = {"flash_attention": False, "lookup": False, "costs": GENEROUS} | extra
        begun.append(llama(transformer, context=512, parallel=3, extra=extra | {"draft_model": str(small or "")}))
        return begun[-1]

    yield start
    for engine in begun:
        engine.close()


def told(outcome: Outcome) -> tuple[object, ...]:
    return outcome.data, outcome.finish, outcome.used.completion, outcome.used.forced


@pytest.mark.parametrize("grammar", [None, 'start: ( /[a-z]/ "fox says hello" )+', 'start: /[a-z ]{50}/ "."'])
def test_a_small_model_that_is_right_saves_decodes(start: Start, transformer: Path, grammar: str | None) -> None:
    asked = job("hello", max_tokens=60, grammar=grammar)
    [plain], [guessed] = run(start(), asked), run(start(transformer), asked)
    assert told(guessed) == told(plain)
    assert guessed.used.decodes < plain.used.decodes / 2
    assert (guessed.used.accepted, guessed.used.rejected) == (0, 0), "these count what was predicted"


def test_one_that_is_wrong_changes_no_word(start: Start, tmp_path: Path) -> None:
    other = grown.llama(tmp_path / "other.gguf", seed=8)
    asked = job("hello", max_tokens=60)
    [plain], [guessed] = run(start(), asked), run(start(other), asked)
    assert told(guessed) == told(plain)


def test_where_trying_never_pays_it_is_not_asked(start: Start, transformer: Path) -> None:
    asked = job("hello", max_tokens=30)
    [plain], [guessed] = run(start(), asked), run(start(transformer, costs=DEAR), asked)
    assert (told(guessed), guessed.used.decodes) == (told(plain), plain.used.decodes)


def test_jobs_side_by_side_and_one_after_the_other_do_not_meet(start: Start, transformer: Path) -> None:
    jobs = [job(f"hello {number} " * (number + 1), max_tokens=40) for number in range(7)]
    alone = [told(run(start(), one)[0]) for one in jobs]
    engine = start(transformer)
    assert [told(outcome) for outcome in run(engine, *jobs)] == alone
    assert [told(outcome) for outcome in run(engine, *reversed(jobs))] == alone[::-1]


def test_a_job_that_is_cancelled_gives_its_place_back(start: Start, transformer: Path) -> None:
    engine = start(transformer)
    for _ in range(9):
        engine.submit(0, job("hello there", max_tokens=40))
        for _ in range(3):
            engine.step()
        engine.cancel(0)
    [plain], [guessed] = run(start(), job("hello", max_tokens=40)), run(engine, job("hello", max_tokens=40))
    assert told(guessed) == told(plain)
    assert guessed.used.decodes < plain.used.decodes


def test_one_of_another_vocabulary_or_with_a_recurrent_state_is_refused(
    start: Start, recurrent: Path, tmp_path: Path
) -> None:
    words = grown.llama(tmp_path / "words.gguf", words={"he": "hx"})
    for path, why in ((recurrent, "recurrent"), (words, "vocabulary"), (tmp_path / "none.gguf", "cannot be read")):
        with pytest.raises(LoadError, match=why):
            start(path)


@pytest.mark.model
def test_the_half_of_a_family_guesses_for_the_larger(qwen_coder_05: Path, qwen_coder_15: Path) -> None:
    engine = llama(
        qwen_coder_15,
        context=1024,
        parallel=1,
        extra={"draft_model": str(qwen_coder_05), "costs": GENEROUS, "lookup": False},
    )
    [outcome] = run(engine, chat("Count from 1 to 12, separated by commas, and say nothing else.", max_tokens=40))
    assert "5, 6, 7" in outcome.text
    assert outcome.used.decodes < outcome.used.completion / 2
    engine.close()


def test_the_end_of_a_reply_that_was_guessed_is_found_by_the_next_turn(start: Start, transformer: Path) -> None:
    engine = start(transformer)
    [told] = run(engine, job("hello", grammar='start: /[a-z ]{30}/ " and so on."', max_tokens=None))
    rest(engine)
    [again] = run(engine, job(f"hello{told.text} hello", max_tokens=5))
    assert again.used.cached == told.used.prompt + told.used.completion
