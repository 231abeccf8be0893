"""What the bodies of completions, embeddings and tokens become, or how they are refused. Every field has a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_type_hints

import pytest
from openai.types import completion_create_params, embedding_create_params

from cortex.core.chat import Sampling
from cortex.core.errors import BadRequest
from cortex.core.events import Done, Reasoning, Reply, Text, Tokens
from cortex.core.job import Chosen, Cut, Job, Logprob, Segment, Usage, Vector
from cortex.core.passage import Passage
from cortex.server.wire import completions, continued, embeddings, tokens
from cortex.server.wire.chat import Defaults
from cortex.server.wire.completions import CompletionRequest
from cortex.server.wire.continued import TextWriter, best
from cortex.server.wire.embeddings import EmbeddingRequest
from cortex.server.wire.fields import Obeyed, Table
from cortex.server.wire.likely import Likely
from cortex.server.wire.response import Head
from cortex.server.wire.tokens import CutRequest

DEFAULTS = Defaults(Sampling(temperature=0.3, seed=5), max_tokens=99, stop=("END",))
SAMPLING = DEFAULTS.sampling
HI = Segment("Hi")
HEAD = Head("cmpl-1", 0, "m", "fp")


def completion(**sent: Any) -> CompletionRequest:
    return completions.read({"model": "m", "prompt": "Hi", **sent}, DEFAULTS)


def passage(prompt: Segment = HI, source: str = "prompt", stop: tuple[str, ...] = ("END",), **job: Any) -> Passage:
    return Passage(Job((prompt,), **{"sampling": SAMPLING, "max_tokens": 16, "source": source, **job}), stop)


def sampled(**changes: Any) -> Passage:
    return passage(sampling=Sampling(**{"temperature": 0.3, "seed": 5, **changes}))


PROMPTS: list[tuple[Any, tuple[Passage, ...]]] = [
    ("Hi", (passage(),)),
    ("", (passage(Segment("")),)),
    (["Hi"], (passage(source="prompt.0"),)),
    (["Hi", "<|im_end|>"], (passage(source="prompt.0"), passage(Segment("<|im_end|>"), "prompt.1"))),
    ([1, 2], (passage(Segment(tokens=(1, 2))),)),
    ([[1, 2], [3]], (passage(Segment(tokens=(1, 2)), "prompt.0"), passage(Segment(tokens=(3,)), "prompt.1"))),
    ([1.0, 2.0], (passage(Segment(tokens=(1, 2))),)),
]


@pytest.mark.parametrize(("prompt", "passages"), PROMPTS, ids=repr)
def test_a_prompt_is_a_text_or_tokens_or_several(prompt: Any, passages: tuple[Passage, ...]) -> None:
    assert completion(prompt=prompt) == CompletionRequest("m", passages)


OBEYED: list[tuple[dict[str, Any], CompletionRequest]] = [
    ({"stream": True}, CompletionRequest("m", (passage(),), stream=True)),
    ({"stream_options": {"include_usage": True}}, CompletionRequest("m", (passage(),), include_usage=True)),
    ({"echo": True}, CompletionRequest("m", (passage(),), echo=True)),
    ({"echo": True, "logprobs": 2}, CompletionRequest("m", (passage(logprobs=2, echo=True),), likely=True, echo=True)),
    ({"max_tokens": 0}, CompletionRequest("m", (passage(max_tokens=0),))),
    ({"n": 3}, CompletionRequest("m", (passage(),), count=3, drafts=3)),
    ({"n": 3, "best_of": 3}, CompletionRequest("m", (passage(),), count=3, drafts=3)),
    ({"best_of": 1}, CompletionRequest("m", (passage(),))),
    ({"n": 2, "best_of": 5}, CompletionRequest("m", (passage(logprobs=0),), count=2, drafts=5)),
    ({"best_of": 5, "logprobs": 3}, CompletionRequest("m", (passage(logprobs=3),), drafts=5, likely=True)),
    ({"logprobs": 0}, CompletionRequest("m", (passage(logprobs=0),), likely=True)),
    ({"n_probs": 4}, CompletionRequest("m", (passage(logprobs=4),), likely=True)),
    ({"n_probs": 0}, CompletionRequest("m", (passage(),))),
    ({"ignore_eos": True}, CompletionRequest("m", (passage(ignore_eos=True),))),
    ({"grammar": "start: /a+/"}, CompletionRequest("m", (passage(grammar="start: /a+/"),))),
    ({"grammar": ""}, CompletionRequest("m", (passage(),))),
    ({"suffix": "there"}, CompletionRequest("m", (passage(Segment("Hi", markup=False), suffix="there"),))),
    ({"suffix": ""}, CompletionRequest("m", (passage(Segment("Hi", markup=False), suffix=""),))),
    ({"max_tokens": 5}, CompletionRequest("m", (passage(max_tokens=5),))),
    ({"max_tokens": -1}, CompletionRequest("m", (passage(max_tokens=None),))),
    ({"max_completion_tokens": 5}, CompletionRequest("m", (passage(max_tokens=5),))),
    ({"stop": ["a", "b"]}, CompletionRequest("m", (passage(stop=("a", "b")),))),
    ({"temperature": 0}, CompletionRequest("m", (sampled(temperature=0.0),))),
    ({"top_p": 0.5}, CompletionRequest("m", (sampled(top_p=0.5),))),
    ({"top_k": 7}, CompletionRequest("m", (sampled(top_k=7),))),
    ({"min_p": 0.1}, CompletionRequest("m", (sampled(min_p=0.1),))),
    ({"typ_p": 0.5, "min_keep": 2}, CompletionRequest("m", (sampled(typ_p=0.5, min_keep=2),))),
    (
        {"dynatemp_range": 1, "dynatemp_exponent": 2},
        CompletionRequest("m", (sampled(dynatemp_range=1.0, dynatemp_exponent=2.0),)),
    ),
    (
        {"mirostat": 1, "mirostat_tau": 3, "mirostat_eta": 0.5},
        CompletionRequest("m", (sampled(mirostat=1, mirostat_tau=3.0, mirostat_eta=0.5),)),
    ),
    ({"penalize_nl": False}, CompletionRequest("m", (sampled(penalize_nl=False),))),
    ({"frequency_penalty": 1}, CompletionRequest("m", (sampled(frequency_penalty=1.0),))),
    ({"presence_penalty": 1}, CompletionRequest("m", (sampled(presence_penalty=1.0),))),
    ({"repeat_penalty": 1.1}, CompletionRequest("m", (sampled(repeat_penalty=1.1),))),
    ({"repeat_last_n": 32}, CompletionRequest("m", (sampled(repeat_last_n=32),))),
    ({"logit_bias": {"15": 1}}, CompletionRequest("m", (sampled(logit_bias=((15, 1.0),)),))),
    ({"seed": 42}, CompletionRequest("m", (sampled(seed=42),))),
]


@pytest.mark.parametrize(("sent", "expected"), OBEYED, ids=repr)
def test_a_field_of_a_completion_is_obeyed(sent: dict[str, Any], expected: CompletionRequest) -> None:
    assert completion(**sent) == expected


def names(*groups: Any) -> set[str]:
    return {key for sent, _ in groups for key in sent}


def obeyed(table: Table) -> set[str]:
    return {name for name, row in table.items() if isinstance(row.rule, Obeyed)}


def test_every_field_that_is_said_to_be_obeyed_has_a_row_here() -> None:
    assert names(*OBEYED) | {"model", "prompt"} == obeyed(completions.TABLE)
    assert obeyed(embeddings.TABLE) == {"model", "input", "encoding_format", "dimensions"}


def test_every_field_of_openais_is_known() -> None:
    hints = get_type_hints(completion_create_params.CompletionCreateParamsStreaming)
    assert hints.keys() <= completions.TABLE.keys()
    assert get_type_hints(embedding_create_params.EmbeddingCreateParams).keys() <= embeddings.TABLE.keys()


def test_null_is_as_good_as_absent() -> None:
    assert completion(**dict.fromkeys(completions.TABLE.keys() - {"model", "prompt"})) == completion()
    sent = {"model": "m", "input": "Hi", **dict.fromkeys(embeddings.TABLE.keys() - {"model", "input"})}
    assert embeddings.read(sent) == embeddings.read({"model": "m", "input": "Hi"})


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"prompt": None}, "prompt", "missing"),
    ({"prompt": []}, "prompt", "a text, a list of texts"),
    ({"prompt": {}}, "prompt", "a text, a list of texts"),
    ({"prompt": 5}, "prompt", "a text, a list of texts"),
    ({"prompt": ["a"] * 2049}, "prompt", "2048"),
    ({"prompt": ["a", 5]}, "prompt.1", "a text or a list of tokens"),
    ({"prompt": ["a", []]}, "prompt.1", "a text or a list of tokens"),
    ({"prompt": ["a", None]}, "prompt.1", "a text or a list of tokens"),
    ({"prompt": [1, "a"]}, "prompt.1", "an integer"),
    ({"prompt": [-1]}, "prompt.0", "an integer"),
    ({"prompt": [True]}, "prompt.0", "an integer"),
    ({"prompt": [[1, 2**40]]}, "prompt.0.1", "an integer"),
    ({"logprobs": 21}, "logprobs", "from 0 to 20"),
    ({"logprobs": True}, "logprobs", "an integer"),
    ({"n_probs": 21}, "n_probs", "from 0 to 20"),
    ({"logprobs": 0, "echo": True, "suffix": "x"}, "suffix", "leave echo or logprobs out"),
    ({"ignore_eos": 1}, "ignore_eos", "true or false"),
    ({"grammar": {}}, "grammar", "a string"),
    ({"n": 0}, "n", "integer"),
    ({"best_of": 0}, "best_of", "integer"),
    ({"best_of": 3, "stream": True}, "best_of", "leave stream out"),
    ({"best_of": 1, "n": 2}, "best_of", "at least n"),
    ({"echo": "yes"}, "echo", "true or false"),
    ({"suffix": 5}, "suffix", "a string"),
    ({"max_tokens": -2}, "max_tokens", "integer"),
    ({"temperature": 3}, "temperature", "a number"),
    ({"user": 5}, "user", "a string"),
]


@pytest.mark.parametrize(("sent", "param", "says"), WRONG, ids=repr)
def test_a_completion_that_cannot_be_obeyed_is_refused_with_its_field(
    sent: dict[str, Any], param: str, says: str
) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        completion(**sent)
    assert caught.value.param == param


def test_fields_that_nobody_knows_are_named_or_refused() -> None:
    named = ("stream_options.every: this server knows no such field; it has no effect",)
    assert completion(stream_options={"every": 3}).warnings == named
    for read, sent in (
        (completions.read, {"prompt": "x"}),
        (embeddings.read, {"input": "x"}),
        (tokens.read_tokenize, {"content": "x"}),
        (tokens.read_detokenize, {"tokens": [1]}),
    ):
        body = {"model": "m", "messages": [], **sent}
        given: tuple[Any, ...] = (body, DEFAULTS) if read is completions.read else (body,)
        assert read(*given).warnings == ("messages: this server knows no such field; it has no effect",)
        with pytest.raises(BadRequest) as caught:
            read(*given, strict=True)
        assert caught.value.param == "messages"


# -- embeddings --------------------------------------------------------------------------------------------------------


def embedding(**sent: Any) -> EmbeddingRequest:
    return embeddings.read({"model": "m", "input": "Hi", **sent})


def embeds(segment: Segment, source: str = "input") -> Job:
    return Job((segment,), embed=True, source=source)


TEXT = Segment("Hi", markup=False)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, EmbeddingRequest("m", (embeds(TEXT),))),
        ({"input": ["Hi", "Hi"]}, EmbeddingRequest("m", (embeds(TEXT, "input.0"), embeds(TEXT, "input.1")))),
        ({"input": [5, 6]}, EmbeddingRequest("m", (embeds(Segment(tokens=(5, 6))),))),
        ({"input": [[5, 6]]}, EmbeddingRequest("m", (embeds(Segment(tokens=(5, 6)), "input.0"),))),
        ({"encoding_format": "float"}, EmbeddingRequest("m", (embeds(TEXT),))),
        ({"encoding_format": "base64"}, EmbeddingRequest("m", (embeds(TEXT),), "base64")),
        ({"dimensions": 3, "user": "u"}, EmbeddingRequest("m", (embeds(TEXT),), dimensions=3)),
    ],
    ids=repr,
)
def test_a_field_of_an_embedding_is_obeyed(sent: dict[str, Any], expected: EmbeddingRequest) -> None:
    assert embedding(**sent) == expected


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": ["a", ""]}, "input.1"),
        ({"input": []}, "input"),
        ({"input": [[]]}, "input.0"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": "3"}, "dimensions"),
        ({"user": []}, "user"),
    ],
    ids=repr,
)
def test_an_embedding_that_cannot_be_obeyed_is_refused_with_its_field(sent: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        embedding(**sent)
    assert caught.value.param == param


VECTOR = Vector(b"\x00\x00\x40\x3f\x00\x00\x00\x00\x00\x00\x00\xbf", Usage(prompt=4))  # 0.75, 0, -0.5


def test_numbers_are_little_endian_and_base64_is_of_the_same_bytes() -> None:
    body = embeddings.embeddings(embedding(input=["a", "b"]), [VECTOR, VECTOR])
    assert [row["embedding"] for row in body["data"]] == [[0.75, 0.0, -0.5]] * 2
    assert [row["index"] for row in body["data"]] == [0, 1]
    assert body["usage"] == {"prompt_tokens": 8, "total_tokens": 8}
    (row,) = embeddings.embeddings(embedding(encoding_format="base64"), [VECTOR])["data"]
    assert row["embedding"] == "AABAPwAAAAAAAAC/"


def test_a_vector_that_is_cut_has_length_1_again() -> None:
    (row,) = embeddings.embeddings(embedding(dimensions=2), [VECTOR])["data"]
    assert row["embedding"] == [1.0, 0.0]
    (row,) = embeddings.embeddings(embedding(dimensions=3), [VECTOR])["data"]
    assert row["embedding"] == [0.75, 0.0, -0.5]


def test_more_numbers_than_the_model_has_are_refused() -> None:
    with pytest.raises(BadRequest, match="have 3") as caught:
        embeddings.embeddings(embedding(dimensions=4), [VECTOR])
    assert caught.value.param == "dimensions"


# -- tokens ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, CutRequest("m", Segment("Hi"))),
        ({"add_special": True}, CutRequest("m", Segment("Hi"), whole=True)),
        ({"parse_special": False}, CutRequest("m", Segment("Hi", markup=False))),
        ({"with_pieces": True}, CutRequest("m", Segment("Hi"), pieces=True)),
        ({"content": ""}, CutRequest("m", Segment(""))),
    ],
    ids=repr,
)
def test_a_text_to_cut_is_read(sent: Mapping[str, Any], expected: CutRequest) -> None:
    assert tokens.read_tokenize({"model": "m", "content": "Hi", **sent}) == expected


@pytest.mark.parametrize(
    ("sent", "param"),
    [({"content": None}, "content"), ({"content": ["Hi"]}, "content"), ({"add_special": 1}, "add_special")],
    ids=repr,
)
def test_a_text_that_is_none_is_refused(sent: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        tokens.read_tokenize({"model": "m", "content": "Hi", **sent})
    assert caught.value.param == param


def test_tokens_to_spell_are_read_or_refused() -> None:
    assert tokens.read_detokenize({"model": "m", "tokens": [1, 2]}) == CutRequest("m", Segment(tokens=(1, 2)))
    assert tokens.read_detokenize({"model": "m", "tokens": []}) == CutRequest("m", Segment())
    for wrong, param in (("x", "tokens"), ([1, "x"], "tokens.1"), ([-1], "tokens.0")):
        with pytest.raises(BadRequest) as caught:
            tokens.read_detokenize({"model": "m", "tokens": wrong})
        assert caught.value.param == param


def test_a_piece_that_is_half_a_character_is_its_bytes() -> None:
    cut = Cut((7, 8, 9), (b"a", b"\xc3", b"\xa9"), "aé".encode())
    assert tokens.tokens(CutRequest("m", Segment()), cut) == {"tokens": (7, 8, 9)}
    assert tokens.tokens(CutRequest("m", Segment(), pieces=True), cut) == {
        "tokens": [{"id": 7, "piece": "a"}, {"id": 8, "piece": [195]}, {"id": 9, "piece": [169]}]
    }
    assert tokens.content(CutRequest("m", Segment(), warnings=("w",)), cut) == {
        "content": "aé",
        "cortex": {"warnings": ["w"]},
    }


# -- chunks ------------------------------------------------------------------------------------------------------------


def test_each_prompt_counts_once_however_many_replies_it_has() -> None:
    usages = [Usage(prompt=10, completion=1, cached=2), Usage(prompt=10, completion=2, cached=9)]
    counts = continued.spent([*usages, *usages], 2)
    assert (counts.prompt, counts.cached, counts.completion) == (20, 4, 6)


def test_a_stream_ends_with_its_last_reply() -> None:
    writer = TextWriter(HEAD, completion(prompt=["a", "b"]))
    assert writer.start() == b""
    assert b'"text":"x","index":1' in writer.event(Text("x"), 1)
    assert writer.event(Text(""), 1) == writer.event(Reasoning("no text"), 1) == b""
    first, last = writer.event(Done("stop", Usage(1, 2)), 1), writer.event(Done("length", Usage(3, 4)), 0)
    assert first.count(b"data: ") == 1
    assert b'"finish_reason":"length"' in last
    assert last.endswith(b"data: [DONE]\n\n")
    assert (writer.usage.prompt, writer.usage.completion) == (4, 6)


# -- log probabilities -------------------------------------------------------------------------------------------------


def said(*tokens: bytes, top: int = 0) -> list[Chosen]:
    likely = [Logprob(bytes([number]) * 2, -1.0 - number) for number in range(top)]
    return [Chosen(Logprob(token, -0.5 * number), tuple(likely)) for number, token in enumerate(tokens)]


def test_each_token_is_told_with_the_place_where_it_begins() -> None:
    likely = Likely()
    likely.add(said(b"n", b"\xc3", b"\xa9!", b"x"))
    assert likely.take(4) == {
        "tokens": ["n", "bytes:\\xc3", "bytes:\\xa9\\x21", "x"],
        "token_logprobs": [0.0, -0.5, -1.0, -1.5],
        "top_logprobs": None,
        "text_offset": [0, 1, 1, 3],
    }


def test_the_likeliest_are_told_with_the_one_that_was_said() -> None:
    likely = Likely()
    likely.add(said(b"a", top=2))
    told = likely.take(1)
    assert told is not None
    assert told["top_logprobs"] == [{"\x00\x00": -1.0, "\x01\x01": -2.0, "a": 0.0}]


def test_tokens_behind_the_text_are_not_told() -> None:
    likely = Likely()
    assert likely.take(0) is None
    likely.add(said(b"ab", b"STOP"))
    told = likely.take(2)
    assert told is not None
    assert told["tokens"] == ["ab"]
    assert likely.take(2) is None


def test_the_likeliest_drafts_are_the_best_and_come_first() -> None:
    poor, good, none = Reply(tokens=said(b"a", b"b", b"c")), Reply(tokens=said(b"a", b"b")), Reply()
    assert best([none, poor, good], 2) == [good, poor]
    assert best([none, poor, good], 3) == [none, poor, good]


def test_log_probabilities_in_chunks_are_those_of_the_text_in_them() -> None:
    writer = TextWriter(HEAD, completion(logprobs=0))
    assert writer.event(Tokens(tuple(said(b"ab", b"cd")))) == b""
    assert b'"tokens":["ab"],' in writer.event(Text("ab"))
    assert b'"tokens":["cd"],"token_logprobs":[-0.5],"top_logprobs":null,"text_offset":[2]' in writer.event(Text("c"))
    assert b'"logprobs":null' in writer.event(Text("d"))
