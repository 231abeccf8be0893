"""Completions, embeddings and tokens of real models, through the real client."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from played import serving

from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService

pytestmark = pytest.mark.model

SMALL, CODER = "smollm2", "coder"
HI: Any = [{"role": "user", "content": "Say hello."}]


@pytest.fixture(scope="module")
def url(smollm2: Path, qwen_coder_05: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = Store(tmp_path_factory.mktemp("data"))
    importing.add(store, SMALL, smollm2)
    importing.add(store, CODER, qwen_coder_05)
    with serving(LocalService(store)) as local:
        yield local.url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0, timeout=300) as client:
        yield client


def tokens(url: str, model: str, content: str, **more: Any) -> list[int]:
    reply = httpx.post(f"{url}/tokenize", json={"model": model, "content": content, **more}, timeout=300)
    return list(reply.json()["tokens"])


def warm(client: OpenAI, prompt: str) -> None:
    """Put the prompt into the cache: one that is computed whole and one found there round differently."""
    client.completions.create(model=SMALL, prompt=prompt, max_tokens=1)


def test_a_text_goes_on_the_same_streamed_whole_and_from_its_tokens(client: OpenAI, url: str) -> None:
    prompt = "The capital of France is"
    asked: Any = {"model": SMALL, "temperature": 0, "max_tokens": 12}
    warm(client, prompt)
    whole = client.completions.create(prompt=prompt, **asked)
    assert "Paris" in whole.choices[0].text
    assert whole.choices[0].finish_reason == "length"
    stream = client.completions.create(prompt=prompt, stream=True, **asked)
    assert "".join(chunk.choices[0].text for chunk in stream if chunk.choices) == whole.choices[0].text
    from_tokens = client.completions.create(prompt=tokens(url, SMALL, prompt), **asked)
    assert from_tokens.choices[0].text == whole.choices[0].text


def test_a_prompt_written_by_hand_is_the_chat_that_it_spells(client: OpenAI, url: str) -> None:
    prompt = httpx.post(f"{url}/apply-template", json={"model": SMALL, "messages": HI}, timeout=300).json()["prompt"]
    assert prompt.endswith("<|im_start|>assistant\n")
    warm(client, prompt)
    chat = client.chat.completions.create(model=SMALL, messages=HI, temperature=0, max_tokens=20)
    text = client.completions.create(model=SMALL, prompt=prompt, temperature=0, max_tokens=20)
    assert text.choices[0].text == chat.choices[0].message.content
    assert chat.usage is not None
    assert text.usage is not None
    assert text.usage.prompt_tokens == chat.usage.prompt_tokens


def test_several_replies_to_one_prompt_differ_and_count_it_once(client: OpenAI) -> None:
    prompt = "Once upon a time there was a fox who lived in the woods with his friends. " * 5
    drawn: Any = {"seed": 1, "temperature": 1, "max_tokens": 8, "extra_body": {"ignore_eos": True}}
    reply = client.completions.create(model=SMALL, prompt=prompt, n=4, **drawn)
    assert [choice.index for choice in reply.choices] == [0, 1, 2, 3]
    assert len({choice.text for choice in reply.choices}) > 1
    alone = client.completions.create(model=SMALL, prompt=prompt, max_tokens=1)
    assert reply.usage is not None
    assert alone.usage is not None
    assert reply.usage.prompt_tokens == alone.usage.prompt_tokens
    assert reply.usage.completion_tokens == 32


def test_a_gap_in_code_is_filled_from_both_its_sides(client: OpenAI) -> None:
    reply = client.completions.create(
        model=CODER,
        prompt="def add(a, b):\n    return ",
        suffix="\n\nassert add(2, 3) == 5\n",
        temperature=0,
        max_tokens=16,
        stop="\n",
    )
    assert reply.choices[0].text.strip() == "a + b"
    assert reply.choices[0].finish_reason == "stop"


def test_a_model_that_cannot_fill_in_says_so(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="fill-in-the-middle") as refused:
        client.completions.create(model=SMALL, prompt="x", suffix="y")
    assert refused.value.param == "suffix"


@pytest.mark.parametrize("model", [SMALL, CODER])
@pytest.mark.parametrize("text", ["Hello, wörld ☃ 日本語\n\tx", "<|im_start|>user\nHi<|im_end|>", "  two spaces", ""])
@pytest.mark.parametrize("parsed", [True, False])
def test_a_text_becomes_tokens_and_tokens_become_the_text(url: str, model: str, text: str, parsed: bool) -> None:
    cut = tokens(url, model, text, parse_special=parsed)
    back = httpx.post(f"{url}/detokenize", json={"model": model, "tokens": cut}, timeout=300).json()
    assert back == {"content": text}
    pieces = tokens(url, model, text, parse_special=parsed, with_pieces=True)
    assert [piece["id"] for piece in pieces] == cut  # type: ignore[index]


def test_marks_are_one_token_only_where_they_are_parsed(url: str) -> None:
    assert len(tokens(url, CODER, "<|im_end|>")) == 1
    assert len(tokens(url, CODER, "<|im_end|>", parse_special=False)) > 1


def test_sentences_that_mean_alike_are_nearer_than_others(client: OpenAI) -> None:
    texts = [
        "The cat sleeps on the warm sofa.",
        "A kitten is napping on the couch.",
        "The tax office has published new forms for companies.",
    ]
    reply = client.embeddings.create(model=SMALL, input=texts)
    cat, kitten, tax = (row.embedding for row in reply.data)
    assert [math.hypot(*vector) for vector in (cat, kitten, tax)] == pytest.approx([1, 1, 1], abs=1e-5)
    assert math.dist(cat, kitten) < min(math.dist(cat, tax), math.dist(kitten, tax))
    short = client.embeddings.create(model=SMALL, input=texts[0], dimensions=64).data[0].embedding
    assert len(short) == 64
    assert math.hypot(*short) == pytest.approx(1, abs=1e-5)


def test_a_text_that_is_longer_than_the_context_is_refused(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="context") as refused:
        client.embeddings.create(model=SMALL, input=["x", "word " * 10_000])
    assert (refused.value.param, refused.value.code) == ("input.1", "context_length_exceeded")


def test_a_text_is_rated_without_saying_a_word(client: OpenAI, url: str) -> None:
    """As evaluations ask: the log probabilities of a text that is given, in its tokens or not."""
    text = "The capital of France is Paris."
    asked: Any = {"model": CODER, "max_tokens": 0, "echo": True, "logprobs": 1, "temperature": 0}
    (given,) = client.completions.create(prompt=[tokens(url, CODER, text)], **asked).choices
    (choice,) = client.completions.create(prompt=text, **asked).choices
    told = choice.logprobs
    assert (choice.text, choice.finish_reason) == (given.text, given.finish_reason) == (text, "length")
    assert told
    assert given.logprobs
    assert told.tokens == given.logprobs.tokens == ["The", " capital", " of", " France", " is", " Paris", "."]
    assert told.text_offset == [0, 3, 11, 14, 21, 24, 30]
    assert told.token_logprobs
    assert told.top_logprobs
    assert told.token_logprobs[0] is told.top_logprobs[0] is None
    assert told.token_logprobs[5] == max(told.top_logprobs[5].values()) > math.log(0.3)
    other = client.completions.create(prompt="The capital of France is Rome.", **asked).choices[0].logprobs
    assert other
    assert other.token_logprobs
    assert other.token_logprobs[5] < told.token_logprobs[5]
