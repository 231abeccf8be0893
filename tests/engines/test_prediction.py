"""A prediction changes the work, never the reply: what is tried is verified by drawing it as if nothing were tried.

On an engine whose logits are a function of the tokens before them, to the last bit; and on models, which round.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from drive import Outcome, chat, collect, job, llama, rest, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortex.core.chat import Sampling
from cortex.core.job import Job
from cortex.engines.llama.engine import Llama
from cortex.engines.llama.flow import Chunk
from cortex.engines.llama.guess import MOST
from cortex.engines.llama.sampling import Logits

GENEROUS = {"costs": (1.0, 0.02, 0.01)}  # of a machine on which nearly any guess is worth trying
STORY = 'hello there you old fox, where do you go {today}? "hello" said the fox, hello you too. ' * 3


@dataclass
class Oracle:
    """In place of a model: each text of tokens has logits of its own. It would like to say `wish`, and may not.

    It keeps what each sequence holds, as a cache does, and gives logits for what it holds and nothing else.
    """

    size: int
    cells: int
    wish: list[int] = field(default_factory=list)
    strength: float = 0.0
    held: dict[int, list[int]] = field(default_factory=dict)
    batch: int = 2000

    def decode(self, chunks: Sequence[Chunk]) -> None:
        for chunk in chunks:
            held = self.held.setdefault(chunk.lane, [])
            assert len(held) == chunk.start, "a chunk continues what its sequence holds"
            held += chunk.all

    def logits(self, chunk: Chunk, drafted: int = 0) -> Logits:
        assert chunk.last
        assert 0 <= drafted <= len(chunk.draft), "no logits were asked for here"
        past = self.held[chunk.lane][: chunk.start + len(chunk.tokens) + drafted]
        scores = np.random.default_rng(abs(hash(tuple(past)))).normal(0, 2, self.size).astype(np.float32)
        if self.wish:
            scores[self.wish[self._place(past)]] += self.strength
        return scores

    def _place(self, past: list[int]) -> int:
        """Where in the wish the most of the last tokens stand before."""

        def known(place: int) -> int:
            return next((n for n in range(8, 0, -1) if self.wish[max(0, place - n) : place] == past[-n:]), 0)

        return max(range(len(self.wish)), key=known)

    def trim(self, lane: int, keep: int) -> bool:
        self.held[lane] = self.held.get(lane, [])[:keep]
        return True

    def share(self, source: int, target: int, length: int) -> None:
        self.held[target] = self.held[source][:length]

    def state(self, lane: int, length: int) -> bytes:
        return repr(self.held[lane][:length]).encode()

    def restore(self, lane: int, state: bytes) -> bool:
        self.held[lane] = json.loads(state)
        return True

    def close(self) -> None:
        """It holds nothing that must be freed."""


Start = Callable[..., Llama]


@pytest.fixture
def start(transformer: Path) -> Iterator[Start]:
    """The embedded engine as it is, with an oracle in place of the model's computing."""
    begun: list[Llama] = []

    def start(
        wish: str = "", strength: float = 0.0, *, context: int = 512, cells: int = 0, lookup: bool = False
    ) -> Llama:
        engine = llama(transformer, context=context, parallel=3, extra=GENEROUS | {"cells": cells, "lookup": lookup})
        engine._decoder.close()
        oracle = Oracle(engine._vocabulary.size, engine._decoder.cells, engine._vocabulary.continued(wish), strength)
        engine._decoder = engine._slots._cache = engine._keeper._states = oracle  # type: ignore[assignment]
        begun.append(engine)
        return engine

    yield start
    for engine in begun:
        engine.close()


def same_but_for_the_work(one: Outcome, other: Outcome) -> bool:
    def told(outcome: Outcome) -> tuple[object, ...]:
        return outcome.data, outcome.tokens, outcome.finish, outcome.used.completion, outcome.used.forced

    return told(one) == told(other)


def test_a_prediction_that_comes_true_saves_decodes(start: Start) -> None:
    engine = start(STORY, 60)
    hello = replace(job("hello there", max_tokens=100), prediction=STORY)
    [plain], [drafted] = run(engine, replace(hello, prediction="")), run(engine, hello)
    assert same_but_for_the_work(plain, drafted)
    assert plain.used.decodes == 100
    assert drafted.used.decodes < 20
    assert drafted.used.accepted > 80


def test_where_a_token_costs_more_for_each_before_it_nothing_is_tried_behind_a_prompt(start: Start) -> None:
    engine = start(STORY, 60)
    hello = replace(job("hello there", max_tokens=40), prediction=STORY)
    [free] = run(engine, hello)
    engine._curve = replace(engine._curve, cell=10 * engine._curve.of(1))
    [dear] = run(engine, hello)
    assert same_but_for_the_work(free, dear)
    assert (free.used.decodes < 20, dear.used.decodes) == (True, 40)


def test_a_prediction_that_never_comes_true_costs_one_try(start: Start) -> None:
    """The reply leaves it at once and never comes near it again."""
    hello = replace(job("hello", max_tokens=200), prediction="12345 67890 " * 5)
    [plain], [drafted] = run(start("abcdefg", 9), replace(hello, prediction="")), run(start("abcdefg", 9), hello)
    assert same_but_for_the_work(plain, drafted)
    assert drafted.used.decodes == plain.used.decodes
    assert 0 < drafted.used.rejected <= MOST


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_reply_is_the_same_with_and_without_a_prediction(start: Start, data: st.DataObject) -> None:
    draw = data.draw
    sampling = Sampling(
        temperature=draw(st.sampled_from([0, 0.7, 1.5])),
        top_p=draw(st.sampled_from([0.9, 1])),
        top_k=draw(st.sampled_from([0, 5])),
        seed=draw(st.integers(0, 1000)),
        presence_penalty=draw(st.sampled_from([0, 1])),
        repeat_penalty=draw(st.sampled_from([1, 1.3])),
    )
    grammars = [None, 'start: /[a-z ,]*/ "fox" ( " says hello you" | " goes" ) /[a-z. ]{9}/', r"start: /(.|\n)*/"]
    asked = Job(
        job("hello there").prompt,
        grammar=draw(st.sampled_from(grammars)),
        sampling=sampling,
        max_tokens=draw(st.integers(1, 80)),
        logprobs=draw(st.sampled_from([None, 2])),
        ignore_eos=draw(st.booleans()),
    )
    engine = start(STORY, draw(st.sampled_from([4, 8, 30])), context=256)
    [plain] = run(engine, asked)
    [drafted] = run(
        engine, replace(asked, prediction=draw(st.sampled_from([STORY, STORY[40:], "hello you </s> <tool_call>"])))
    )
    assert same_but_for_the_work(plain, drafted)
    assert drafted.used.decodes <= plain.used.decodes
    assert drafted.used.accepted <= drafted.used.completion


@pytest.mark.parametrize("most", range(1, 40))
def test_max_tokens_cuts_an_accepted_draft(start: Start, most: int) -> None:
    engine = start(STORY, 60)
    [outcome] = run(engine, replace(job("hello there", max_tokens=most), prediction=STORY.removeprefix("hello there")))
    assert (outcome.finish, outcome.used.completion) == ("length", most)
    assert (outcome.used.accepted >= most // 2, outcome.used.rejected) == (True, 0), "nothing beyond it was tried"


def test_a_reply_that_ends_inside_a_draft_ends_there(start: Start) -> None:
    """The grammar is complete after the third word, however much more was predicted."""
    engine = start(STORY, 60)
    asked = replace(job("x", max_tokens=100, grammar='start: "hello there" /[ a-z]{4}/'), prediction=STORY)
    [outcome] = run(engine, asked)
    assert (outcome.finish, outcome.text) == ("stop", "hello there you")


def test_a_model_that_ends_inside_a_draft_ends_there(start: Start) -> None:
    engine = start(STORY, 60)
    oracle = engine._decoder
    assert isinstance(oracle, Oracle)
    cut = list(oracle.wish[:30])
    oracle.wish = [*cut, min(engine._vocabulary.eog)]
    prompt = job(engine._vocabulary.text(cut[:9]).decode(), max_tokens=100)
    [plain], [drafted] = run(engine, prompt), run(engine, replace(prompt, prediction=STORY))
    assert plain.finish == "stop"
    assert same_but_for_the_work(plain, drafted)


def test_forced_tokens_may_be_part_of_a_draft(start: Start) -> None:
    grammar = 'start: "hello there" /[ _]/ "you old fox" /[,;]/ " where do you go" /[?! ]/'
    asked = job("x", max_tokens=100, grammar=grammar)
    engine = start(STORY, 60)
    [plain], [drafted] = run(engine, asked), run(engine, replace(asked, prediction=STORY))
    assert same_but_for_the_work(plain, drafted)
    assert drafted.used.forced > 10
    assert drafted.used.decodes < plain.used.decodes


def test_a_draft_is_cut_to_what_the_grammar_allows(start: Start) -> None:
    engine = start(STORY, 60)
    asked = replace(job("x", max_tokens=60, grammar='start: "hello" /[0-9]+/'), prediction=STORY)
    [outcome] = run(engine, asked)
    assert outcome.text.startswith("hello")
    assert (outcome.used.accepted, outcome.used.rejected) == (0, 0)


def test_predictions_side_by_side_do_not_meet(start: Start) -> None:
    jobs = [replace(job(f"hello {number}", max_tokens=60), prediction=STORY[number:]) for number in range(6)]
    alone = [run(start(STORY, 8), replace(one, prediction=""))[0] for one in jobs]
    together = run(start(STORY, 8), *jobs)
    assert all(map(same_but_for_the_work, alone, together))
    assert sum(outcome.used.accepted for outcome in together) > 50


def test_a_pool_that_is_too_small_for_drafts_changes_no_word(start: Start) -> None:
    jobs = [replace(job("hello " * 10 + str(number), max_tokens=90), prediction=STORY) for number in range(3)]
    alone = [run(start(STORY, 8, context=128), replace(one, prediction=""))[0] for one in jobs]
    together = run(start(STORY, 8, context=128, cells=128), *jobs)
    assert all(map(same_but_for_the_work, alone, together))


def test_a_job_cancelled_after_a_draft_leaves_no_trace(start: Start) -> None:
    engine = start(STORY, 8)
    asked = replace(job("hello there", max_tokens=60), prediction=STORY)
    [before] = run(engine, asked)
    for steps in range(1, 12):
        engine.submit(0, asked)
        for _ in range(steps):
            engine.step()
        engine.cancel(0)
        rest(engine)
    [after] = run(engine, asked)
    assert same_but_for_the_work(before, after)


def test_after_a_draft_the_cache_holds_what_was_said(start: Start) -> None:
    engine = start(STORY, 60)
    [told] = run(engine, replace(job("hello", max_tokens=40), prediction=STORY))
    [again] = run(engine, job("hello" + told.data.decode(), max_tokens=1))
    assert again.used.cached >= told.used.prompt + 30


def test_the_next_turn_finds_a_reply_in_whatever_tokens_it_was_said(start: Start) -> None:
    """The model spells letter by letter what a tokenizer would cut into words."""
    engine = start(STORY, 60)
    oracle = engine._decoder
    assert isinstance(oracle, Oracle)
    letters = [engine._vocabulary.continued(letter) for letter in STORY]
    oracle.wish = [token for tokens in letters for token in tokens]
    [told] = run(engine, job("x", max_tokens=60))
    assert told.used.completion > len(engine._vocabulary.continued(told.text)), "a tokenizer cuts it otherwise"
    [again] = run(engine, job("x" + told.text + " and so on", max_tokens=1))
    assert again.used.cached >= told.used.prompt + told.used.completion - 1


def test_a_grown_model_says_the_same_with_its_own_words_predicted(transformer: Path) -> None:
    """Flash attention off: it rounds by batch."""
    engine = llama(transformer, context=512, parallel=1, extra={"flash_attention": False})
    for number in range(5):
        one = job(f"hello {number}", max_tokens=60)
        [plain] = run(engine, one)
        [drafted] = run(engine, replace(one, prediction=plain.data.decode(errors="replace")))
        assert plain.data == drafted.data
    engine.close()


def test_a_model_that_cannot_rewind_tries_nothing(recurrent: Path) -> None:
    engine = llama(recurrent, context=512, parallel=1, extra={"flash_attention": False})
    one = job("hello", max_tokens=30)
    [plain] = run(engine, one)
    [again] = run(engine, replace(one, prediction=plain.data.decode(errors="replace")))
    assert again.data == plain.data
    assert (again.used.accepted, again.used.rejected) == (0, 0)
    engine.close()


@pytest.mark.model
def test_a_models_own_words_predicted_come_in_a_fraction_of_the_decodes(coder: Llama) -> None:
    question = chat("Count from 1 to 20, separated by commas, and say nothing else.", max_tokens=60)
    [plain] = run(coder, question)
    [drafted] = run(coder, replace(question, prediction=plain.text))
    assert drafted.text.startswith(plain.text[:20]), "up to rounding"
    assert drafted.used.accepted > drafted.used.completion * 0.6
    assert drafted.used.decodes < drafted.used.completion * 0.7


@pytest.mark.model
def test_a_prediction_with_a_wrong_word_is_followed_after_it(coder: Llama) -> None:
    question = chat("Count from 1 to 20, separated by commas, and say nothing else.", max_tokens=60)
    [plain] = run(coder, question)
    [drafted] = run(coder, replace(question, prediction=plain.text.replace("7", "seven")))
    assert drafted.text.startswith(plain.text[:20]), "up to rounding"
    assert drafted.used.rejected > 0
    assert drafted.used.decodes < drafted.used.completion * 0.8


@pytest.mark.model
def test_a_prediction_and_a_seed_give_the_same_reply(smollm2: Path) -> None:
    """On an engine of its own: where a sequence's cells lie decides in which order they are summed up."""
    engine = llama(smollm2, context=512, parallel=1)
    question = chat("Say hello.", max_tokens=20)
    run(engine, question)
    same = 0
    for seed in range(5):
        seeded = replace(question, sampling=Sampling(temperature=0.3, seed=seed))
        [plain] = run(engine, seeded)
        [drafted] = run(engine, replace(seeded, prediction=plain.data.decode(errors="replace")))
        same += drafted.data == plain.data
        assert drafted.used.accepted > 0
    engine.close()
    assert same >= 3


def test_what_was_said_before_is_looked_up(start: Start) -> None:
    """The prompt holds the story, and the reply tells it."""
    asked = job(STORY + "hello there", max_tokens=80)
    [plain], [looked] = run(start(STORY, 60), asked), run(start(STORY, 60, lookup=True), asked)
    assert same_but_for_the_work(plain, looked)
    assert (plain.used.decodes, looked.used.decodes < 16) == (80, True)
    assert (looked.used.accepted, looked.used.rejected) == (0, 0), "these count what was predicted"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_reply_is_the_same_with_and_without_looking_up(start: Start, data: st.DataObject) -> None:
    draw = data.draw
    sampling = Sampling(
        temperature=draw(st.sampled_from([0, 0.7, 1.5])),
        top_k=draw(st.sampled_from([0, 5])),
        seed=draw(st.integers(0, 1000)),
        presence_penalty=draw(st.sampled_from([0, 1])),
    )
    grammars = [None, 'start: ( /[a-z ,]+/ "<" ("fox" | "crow says hello") ">" )+', r"start: /(.|\n)*/"]
    asked = Job(
        job(STORY[: draw(st.integers(9, 120))]).prompt,
        grammar=draw(st.sampled_from(grammars)),
        sampling=sampling,
        max_tokens=draw(st.integers(1, 80)),
        prediction=draw(st.sampled_from(["", STORY[40:]])),
        hints=draw(st.sampled_from([(), ("hello", "where do", "<fox>"), ("<tool_call>", "</s>", "")])),
    )
    strength = draw(st.sampled_from([4, 8, 30]))
    [plain] = run(start(STORY, strength, context=256), replace(asked, prediction="", hints=()))
    [looked] = run(start(STORY, strength, context=256, lookup=True), asked)
    assert same_but_for_the_work(plain, looked)
    assert looked.used.decodes <= plain.used.decodes


def test_pieces_of_a_draft_are_whole(start: Start) -> None:
    """Each step gives one piece, with all that was accepted in it."""
    engine = start(STORY, 60)
    engine.submit(0, replace(job("hello there", max_tokens=50), prediction=STORY))
    outcomes = {0: Outcome()}
    sizes = []
    while engine.busy:
        before = outcomes[0].usage.completion
        collect(outcomes, pieces := engine.step())
        assert len(pieces) <= 1
        sizes.append(outcomes[0].usage.completion - before)
    assert max(sizes) > 8
    assert sum(sizes) == 50
