"""Texts -> vectors: of length 1, the same however they are cut into batches, while other jobs go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grown as grown_models
import numpy as np
import numpy.typing as npt
import pytest
from drive import finish, job, llama, run

from cortex.core.errors import BadRequest, EngineError, NoRoom, TooLong
from cortex.core.job import Job, Segment
from cortex.engines.base import Engine
from cortex.engines.llama import embedding
from cortex.engines.llama.abi import POOLING_CLS, POOLING_LAST, POOLING_NONE
from cortex.engines.llama.embedding import packed, pooled
from cortex.engines.llama.engine import Llama

Vector = npt.NDArray[np.float32]


def asked(text: str) -> Job:
    return Job((Segment(text, markup=False),), embed=True, source="input")


def vectors(engine: Engine, *texts: str) -> list[Vector]:
    return [np.frombuffer(outcome.data, "<f4") for outcome in run(engine, *map(asked, texts))]


@pytest.fixture
def grown(transformer: Path) -> Iterator[Llama]:
    engine = llama(transformer, context=1024, parallel=2)
    yield engine
    engine.close()


def test_many_texts_at_once_have_the_vectors_of_each_alone(grown: Llama) -> None:
    texts = [f"hello number {number} " * (number + 1) for number in range(12)]
    together = vectors(grown, *texts)
    for text, vector in zip(texts, together, strict=True):
        assert np.allclose(vectors(grown, text)[0], vector, atol=1e-3)


def test_a_text_cut_into_many_batches_has_the_vector_of_the_whole(
    grown: Llama, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "the hello of many letters " * 20
    (cut,) = vectors(grown, long)
    monkeypatch.setattr(embedding, "BATCH", 1024)
    wide = embedding.Embedder(grown._model, grown._embedder.beside, _pace=embedding.Pace(1024, budget=1024))
    wide.add(0, grown._whole((Segment(long, markup=False),)))
    (piece,) = wide.step()
    wide.close()
    assert np.allclose(np.frombuffer(piece.data, "<f4"), cut, atol=1e-3)


def test_a_longer_text_than_any_before_gets_a_larger_context(grown: Llama) -> None:
    short = vectors(grown, "hello")[0]
    assert np.linalg.norm(vectors(grown, "hello " * 500)[0]) == pytest.approx(1, abs=1e-5)
    assert np.allclose(vectors(grown, "hello")[0], short, atol=1e-3)


def test_a_text_as_long_as_the_context_is_taken_and_one_token_more_is_not(grown: Llama) -> None:
    fitting = Job((Segment(tokens=(5,) * 1024),), embed=True)
    assert run(grown, fitting)[0].used.prompt == 1024
    with pytest.raises(TooLong, match="1025 tokens and the context takes 1024"):
        grown.submit(0, replace(fitting, prompt=(Segment(tokens=(5,) * 1025),), source="input.3"))


def test_replies_go_on_while_a_long_text_becomes_a_vector(grown: Llama) -> None:
    alone = run(grown, job(max_tokens=12))[0].data
    grown.submit(1, asked("hello " * 700))
    grown.submit(0, job(max_tokens=12))
    reply = finish(grown, [0])[0]
    assert grown.busy, "the long text is still on its way"
    assert grown._embedder._inputs[1].done <= 14 * embedding.BATCH // embedding.GENTLY, "and gave way to the reply"
    assert reply.data == alone
    assert len(finish(grown, [1])[0].data) == 64 * 4


def test_a_text_that_is_left_half_way_disturbs_nobody(grown: Llama) -> None:
    expected = vectors(grown, "hello there")[0]
    grown.submit(1, asked("hello " * 700))
    grown.step()
    grown.cancel(1)
    assert not grown.busy
    assert np.allclose(vectors(grown, "hello there")[0], expected, atol=1e-3)


def test_a_text_for_which_there_is_no_memory_is_refused(grown: Llama, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grown._model, "_available", 1000)
    with pytest.raises(NoRoom, match="memory"):
        grown.submit(0, asked("hello"))
    assert not grown.busy


def test_a_recurrent_model_makes_vectors_too(recurrent: Path) -> None:
    engine = llama(recurrent, context=512)
    first, other, again = vectors(engine, "hello", "something else", "hello")
    assert np.allclose(first, again, atol=1e-3)
    assert not np.allclose(first, other, atol=1e-3)
    engine.close()


@pytest.fixture
def encoder(tmp_path: Path) -> Iterator[Llama]:
    engine = llama(grown_models.bert(tmp_path / "bert.gguf"), context=512)
    yield engine
    engine.close()


def test_a_model_made_for_vectors_takes_each_text_whole_with_its_ends(encoder: Llama) -> None:
    assert encoder.tokenize([Segment("hello there")], whole=True).pieces == (b"[CLS]", b" hello", b" there", b"[SEP]")
    texts = ["hello there", "hello " * 300, "there"]
    together = vectors(encoder, *texts)
    for text, vector in zip(texts, together, strict=True):
        assert np.allclose(vectors(encoder, text)[0], vector, atol=1e-4)
    other = vectors(encoder, "there hello")[0]
    assert not np.allclose(together[0], other, atol=1e-3), "it knows in which order words come"


def test_a_model_made_for_vectors_continues_no_text_and_says_so(encoder: Llama) -> None:
    with pytest.raises(BadRequest, match="makes vectors") as caught:
        encoder.submit(0, job())
    assert caught.value.param == "model"
    assert not encoder.busy


ROWS = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])


@pytest.mark.parametrize(
    ("pooling", "expected"), [(POOLING_NONE, [4, 5]), (1, [4, 5]), (POOLING_CLS, [1, 0]), (POOLING_LAST, [3, 3])]
)
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_pooling_is_the_same_however_the_rows_come(pooling: int, expected: list[float], cut: int) -> None:
    total = None
    for at in range(0, 3, cut):
        total = pooled(pooling, total, ROWS[at : at + cut])
    assert total is not None
    assert total.tolist() == expected


@pytest.mark.parametrize("broken", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_what_has_no_direction_is_an_error(broken: list[float]) -> None:
    with pytest.raises(EngineError, match="no numbers"):
        packed(np.array(broken))


@pytest.mark.model
def test_what_means_alike_is_nearer_than_what_does_not(smol: Llama) -> None:
    cat, kitten, tax = vectors(
        smol,
        "The cat sleeps on the warm sofa.",
        "A kitten is napping on the couch.",
        "The tax office has published new forms for companies.",
    )
    assert np.dot(cat, kitten) > np.dot(cat, tax)
    assert np.dot(cat, kitten) > np.dot(kitten, tax)
