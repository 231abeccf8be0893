"""Completions, embeddings and tokens over HTTP, with every part real but the weights. A byte is a token here."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import math
from array import array
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import talker
from openai import OpenAI
from openai.types import Completion
from played import Serving, serving, wait_until

from cortex.models.store import Store
from cortex.server.local import LocalService
from cortex.server.site import Options
from cortex.server.wire import docs_texts as docs

Local = Serving[LocalService]
COMPLETIONS = "/v1/completions"
ECHOED = "Once upon a time"


ROUTES = {
    COMPLETIONS: {"prompt": "Hi"},
    "/v1/embeddings": {"input": "Hi"},
    "/tokenize": {"content": "Hi"},
    "/detokenize": {"tokens": [72]},
    "/apply-template": {"messages": [{"role": "user", "content": "Hi"}]},
}


@pytest.mark.parametrize("route", ROUTES)
def test_a_field_that_nobody_knows_is_named_in_the_answer_and_in_the_log(
    store: Store, http: httpx.Client, caplog: pytest.LogCaptureFixture, route: str
) -> None:
    talker.add(store, "m", replies=["Hello!"])
    reply = http.post(route, json={"model": "m", "colour": "red", **ROUTES[route]})
    (told,) = reply.json()["cortex"]["warnings"]
    (line,) = (record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert line == f"{reply.headers['x-request-id']} m: {told}"
    assert "colour" in told


def asked(prompt: Any = "Hi", **more: Any) -> dict[str, Any]:
    return {"model": "m", "prompt": prompt, **more}


def whole(reply: httpx.Response) -> dict[str, Any]:
    """A body that is as our document has it; the server of these tests checks what OpenAI's client has."""
    assert reply.status_code == 200, reply.text
    docs.TextCompletion.model_validate(reply.json())
    return dict(reply.json())


def chunks(reply: httpx.Response) -> list[dict[str, Any]]:
    """The chunks of a stream, each as our document has it."""
    *lines, done = [line.removeprefix("data: ") for line in reply.text.splitlines() if line]
    assert done == "[DONE]"
    bodies = [json.loads(line) for line in lines]
    for body in bodies:
        docs.TextCompletion.model_validate(body)
    return bodies


def error(reply: httpx.Response) -> dict[str, Any]:
    return dict(reply.json()["error"])


# -- completions -------------------------------------------------------------------------------------------------------


def test_a_text_is_continued(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["<tool_call>{}</tool_call> and on"])
    body = whole(http.post(COMPLETIONS, json=asked(max_tokens=100)))
    (choice,) = body["choices"]
    assert choice["text"] == "<tool_call>{}</tool_call> and on"
    assert choice["finish_reason"] == "stop"
    assert body["id"].startswith("cmpl-")
    assert body["usage"]["prompt_tokens"] == 2


def test_sixteen_tokens_are_said_unless_more_are_asked_for(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["x" * 100], repeat=True)
    short = whole(http.post(COMPLETIONS, json=asked()))
    assert (short["choices"][0]["text"], short["choices"][0]["finish_reason"]) == ("x" * 16, "length")
    assert len(whole(http.post(COMPLETIONS, json=asked(max_tokens=-1)))["choices"][0]["text"]) == 100


def test_a_stop_string_ends_the_text(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["one\ntwo\n"])
    (choice,) = whole(http.post(COMPLETIONS, json=asked(stop="\n")))["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("one", "stop")


@pytest.mark.parametrize("prompt", [ECHOED, [ECHOED], list(ECHOED.encode()), [list(ECHOED.encode())]], ids=repr)
def test_the_prompt_is_echoed_in_whatever_form_it_came(http: httpx.Client, store: Store, prompt: Any) -> None:
    talker.add(store, "m", replies=[", a fox"], repeat=True)
    assert (
        whole(http.post(COMPLETIONS, json=asked(prompt, echo=True)))["choices"][0]["text"] == "Once upon a time, a fox"
    )
    streamed = chunks(http.post(COMPLETIONS, json=asked(prompt, echo=True, stream=True)))
    assert joined(streamed) == {0: "Once upon a time, a fox"}


def joined(bodies: list[dict[str, Any]]) -> dict[int, str]:
    texts: dict[int, str] = {}
    for choice in (choice for body in bodies for choice in body["choices"]):
        texts[choice["index"]] = texts.get(choice["index"], "") + choice["text"]
    return texts


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_stream_adds_up_to_the_whole_answer(http: httpx.Client, store: Store, size: int) -> None:
    replies = ["wörld ☃", "b" * 30, "", "d\nEND of it"]
    talker.add(store, "m", replies=replies, repeat=True, size=size)
    sent = asked(["one", "two"], n=2, stop="END", echo=True)
    answer = whole(http.post(COMPLETIONS, json=sent))
    streamed = chunks(http.post(COMPLETIONS, json=sent | {"stream": True, "stream_options": {"include_usage": True}}))
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert joined(streamed) == {choice["index"]: choice["text"] for choice in answer["choices"]}
    reasons = {c["index"]: c["finish_reason"] for body in streamed for c in body["choices"] if c["finish_reason"]}
    assert reasons == {choice["index"]: choice["finish_reason"] for choice in answer["choices"]}
    assert all(body["usage"] is None for body in streamed[:-1])
    assert streamed[-1]["choices"] == []
    assert streamed[-1]["usage"]["prompt_tokens"] == answer["usage"]["prompt_tokens"] == 6


def test_openais_client_completes_and_streams(client: OpenAI, store: Store) -> None:
    talker.add(store, "m", replies=["Hello"], repeat=True, size=2)
    assert client.completions.create(model="m", prompt="x").choices[0].text == "Hello"
    stream = client.completions.create(model="m", prompt="x", stream=True, stream_options={"include_usage": True})
    last: Completion | None = None
    text = ""
    for last in stream:
        text += "".join(choice.text for choice in last.choices)
    assert text == "Hello"
    assert last is not None
    assert last.usage is not None
    assert last.usage.completion_tokens == 5


def test_log_probabilities_come_whole_and_streamed_and_end_with_the_text(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["one END of it"], repeat=True, size=3)
    sent = asked(logprobs=2, stop="END")
    (choice,) = whole(http.post(COMPLETIONS, json=sent))["choices"]
    assert choice["logprobs"]["tokens"] == list("one ")
    assert choice["logprobs"]["text_offset"] == [0, 1, 2, 3]
    assert choice["logprobs"]["top_logprobs"][0].keys() == {"o", "p"}
    streamed = [c["logprobs"] for body in chunks(http.post(COMPLETIONS, json=sent | {"stream": True}))
                for c in body["choices"] if c["logprobs"]]  # fmt: skip
    for name, values in choice["logprobs"].items():
        assert [value for part in streamed for value in part[name]] == values
    silent = whole(http.post(COMPLETIONS, json=asked()))
    assert silent["choices"][0]["logprobs"] is None


@pytest.mark.parametrize("prompt", ["Höhe", ["Höhe", "x"], list("Höhe".encode())], ids=repr)
@pytest.mark.parametrize("most", [0, 3])
def test_an_echoed_prompt_comes_with_the_log_probabilities_of_its_tokens(
    http: httpx.Client, store: Store, prompt: Any, most: int
) -> None:
    talker.add(store, "m", replies=["wide"], repeat=True, size=2)
    sent = asked(prompt, echo=True, logprobs=1, max_tokens=most, n=2)
    body = whole(http.post(COMPLETIONS, json=sent))
    first = body["choices"][0]
    assert (first["text"], first["finish_reason"]) == ("Höhe" + "wide"[:most], "length")
    assert first["logprobs"]["tokens"] == ["H", r"bytes:\xc3", r"bytes:\xb6", "h", "e", *"wide"[:most]]
    assert first["logprobs"]["token_logprobs"] == [None, *[math.log(0.5)] * (4 + most)]
    assert first["logprobs"]["top_logprobs"] == [
        None,
        *({token: math.log(0.5)} for token in first["logprobs"]["tokens"][1:]),
    ]
    assert first["logprobs"]["text_offset"] == [0, 1, 1, 2, 3, *range(4, 4 + most)]
    assert body["usage"]["completion_tokens"] == most * len(body["choices"])
    streamed = chunks(http.post(COMPLETIONS, json=sent | {"stream": True}))
    assert joined(streamed) == {choice["index"]: choice["text"] for choice in body["choices"]}
    for choice in body["choices"]:
        told = [
            c["logprobs"]
            for part in streamed
            for c in part["choices"]
            if c["index"] == choice["index"] and c["logprobs"]
        ]
        for name, values in choice["logprobs"].items():
            assert [value for part in told for value in part[name] or [None] * len(part["tokens"])] == (
                values or [None] * len(choice["logprobs"]["tokens"])
            )


def test_no_token_is_said_where_none_is_wanted(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["x"])
    (choice,) = whole(http.post(COMPLETIONS, json=asked(max_tokens=0)))["choices"]
    assert (choice["text"], choice["finish_reason"], choice["logprobs"]) == ("", "length", None)


def test_the_best_of_several_drafts_is_sent_and_all_are_counted(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["a", "bb", "", "dd"])
    body = whole(http.post(COMPLETIONS, json=asked(best_of=4, n=2)))
    assert len(body["choices"]) == 2
    assert {choice["text"] for choice in body["choices"]} < {"a", "bb", "dd"}
    assert all(choice["logprobs"] is None for choice in body["choices"])
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (2, 5)


def test_a_grammar_of_the_clients_own_is_obeyed_or_refused_with_its_field(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["aaa"], repeat=True, check=True)
    assert whole(http.post(COMPLETIONS, json=asked(grammar="start: /a+/")))["choices"][0]["text"] == "aaa"
    refused = http.post(COMPLETIONS, json=asked(grammar="start: nonsense"))
    assert (refused.status_code, error(refused)["param"]) == (400, "grammar")


def test_a_reply_goes_on_past_its_end_where_that_is_asked(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["ab"])
    body = whole(http.post(COMPLETIONS, json=asked(ignore_eos=True, max_tokens=5)))
    assert body["choices"][0]["text"] == "ababa"


def test_a_suffix_is_obeyed_where_the_model_can_fill_in_and_refused_where_it_cannot(
    http: httpx.Client, store: Store
) -> None:
    talker.add(store, "m", replies=["x"])
    refused = http.post(COMPLETIONS, json=asked(suffix="there"))
    assert (refused.status_code, error(refused)["param"]) == (400, "suffix")
    talker.add(store, "filler", replies=["x"], infill=True)
    body = whole(http.post(COMPLETIONS, json=asked(suffix="there") | {"model": "filler"}))
    assert body["usage"]["prompt_tokens"] == len("Hithere")


def test_a_field_that_has_no_effect_is_named_whole_and_streamed(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m", replies=["x"], repeat=True)
    named = ["promt: this server knows no such field; it has no effect"]
    assert whole(http.post(COMPLETIONS, json=asked(promt="y")))["cortex"]["warnings"] == named
    assert chunks(http.post(COMPLETIONS, json=asked(promt="y", stream=True)))[0]["cortex"]["warnings"] == named


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("prompt", "param", "code"),
    [
        ("x" * 9000, "prompt", "context_length_exceeded"),
        (["x", "x" * 9000, "x"], "prompt.1", "context_length_exceeded"),
        ([["x"], "x"], "prompt.0.0", "invalid_type"),
        ([[1, 2], [3, 256]], "prompt.1", "invalid_value"),
        (["please REFUSE", "x"], None, "invalid_value"),
    ],
    ids=["long", "one of three is long", "a text in tokens", "no such token", "refused"],
)
def test_a_prompt_that_cannot_be_taken_is_refused_and_nothing_goes_on(
    http: httpx.Client, store: Store, tmp_path: Path, prompt: Any, param: str | None, code: str, stream: bool
) -> None:
    record = tmp_path / "record"
    talker.add(store, "m", replies=["on and on " * 500], repeat=True, size=1, delay=0.01, refuse="REFUSE",
               record=str(record))  # fmt: skip
    reply = http.post(COMPLETIONS, json=asked(prompt, n=2, max_tokens=-1, stream=stream))
    assert reply.status_code == 400
    assert (error(reply)["param"], error(reply)["code"]) == (param, code)
    assert http.post(COMPLETIONS, json=asked(max_tokens=1)).status_code == 200
    lines = record.read_text().splitlines()
    begun = {line.split()[1] for line in lines if line.startswith("submit")}
    assert begun == {line.split()[1] for line in lines if line.startswith(("cancel", "end"))}


async def test_leaving_cancels_every_job_of_the_request(store: Store, local: Local, tmp_path: Path) -> None:
    record = tmp_path / "record"
    talker.add(store, "m", replies=["on and on " * 5000], repeat=True, size=1, delay=0.01, record=str(record))
    async with httpx.AsyncClient(base_url=local.url, timeout=60) as http:
        task = asyncio.create_task(http.post(COMPLETIONS, json=asked(["a", "b", "c"], n=2, max_tokens=-1)))
        await asyncio.to_thread(wait_until, lambda: record.exists() and record.read_text().count("submit") == 6)
        task.cancel()
        await asyncio.wait([task])
    await asyncio.to_thread(wait_until, lambda: record.read_text().count("cancel") == 6)
    assert "end" not in record.read_text()


def test_a_runner_that_dies_ends_the_stream_with_an_error(client: OpenAI, store: Store) -> None:
    talker.add(store, "m", replies=["Hello there"], repeat=True, size=2, abort_after=3)
    with pytest.raises(openai.APIError, match="SIGABRT"):
        list(client.completions.create(model="m", prompt="x", stream=True))


# -- embeddings --------------------------------------------------------------------------------------------------------


def embedded(reply: httpx.Response) -> dict[str, Any]:
    assert reply.status_code == 200, reply.text
    docs.EmbeddingList.model_validate(reply.json())
    return dict(reply.json())


def test_texts_have_vectors_of_length_1_in_their_order(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m")
    texts = ["hello", "hello there", "12345"]
    body = embedded(http.post("/v1/embeddings", json={"model": "m", "input": texts}))
    assert [row["index"] for row in body["data"]] == [0, 1, 2]
    vectors = [row["embedding"] for row in body["data"]]
    assert [math.hypot(*vector) for vector in vectors] == pytest.approx([1, 1, 1])
    assert math.dist(vectors[0], vectors[1]) < math.dist(vectors[0], vectors[2])
    assert body["usage"] == {"prompt_tokens": 21, "total_tokens": 21}
    for text, vector in zip(texts, vectors, strict=True):
        alone = embedded(http.post("/v1/embeddings", json={"model": "m", "input": list(text.encode())}))
        assert alone["data"][0]["embedding"] == vector


def test_base64_is_of_the_same_numbers(http: httpx.Client, client: OpenAI, store: Store) -> None:
    talker.add(store, "m")
    sent = {"model": "m", "input": "hello", "dimensions": 9}
    numbers = embedded(http.post("/v1/embeddings", json=sent))["data"][0]["embedding"]
    coded = embedded(http.post("/v1/embeddings", json=sent | {"encoding_format": "base64"}))["data"][0]["embedding"]
    assert array("f", base64.b64decode(coded)).tolist() == numbers
    assert client.embeddings.create(model="m", input="hello", dimensions=9).data[0].embedding == numbers
    assert math.hypot(*numbers) == pytest.approx(1)


def test_a_thousand_texts_at_once_each_get_their_own(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m")
    texts = [f"number {number}" for number in range(1000)]
    body = embedded(http.post("/v1/embeddings", json={"model": "m", "input": texts}))
    assert body["usage"]["prompt_tokens"] == sum(map(len, texts))
    assert body["data"][7]["embedding"] != body["data"][8]["embedding"]


@pytest.mark.parametrize(
    ("sent", "param", "code"),
    [
        ({"input": "x" * 9000}, "input", "context_length_exceeded"),
        ({"input": ["x", "x" * 9000, "y"]}, "input.1", "context_length_exceeded"),
        ({"input": ["x", [256]]}, "input.1", "invalid_value"),
        ({"input": "x", "dimensions": 17}, "dimensions", "invalid_value"),
        ({}, "input", "missing_required_parameter"),
    ],
    ids=["long", "one of three is long", "no such token", "too many dimensions", "nothing"],
)
def test_what_has_no_vector_is_refused(
    http: httpx.Client, store: Store, sent: dict[str, Any], param: str, code: str
) -> None:
    talker.add(store, "m")
    reply = http.post("/v1/embeddings", json={"model": "m", **sent})
    assert reply.status_code == 400
    assert (error(reply)["param"], error(reply)["code"]) == (param, code)
    assert http.post("/v1/embeddings", json={"model": "m", "input": "x"}).status_code == 200


async def test_leaving_forgets_the_vectors(store: Store, local: Local, tmp_path: Path) -> None:
    record = tmp_path / "record"
    talker.add(store, "m", delay=0.5, record=str(record))
    async with httpx.AsyncClient(base_url=local.url, timeout=60) as http:
        task = asyncio.create_task(http.post("/v1/embeddings", json={"model": "m", "input": "x"}))
        await asyncio.to_thread(wait_until, lambda: record.exists() and "submit" in record.read_text())
        task.cancel()
        await asyncio.wait([task])
        assert (await http.post("/v1/embeddings", json={"model": "m", "input": "x"})).status_code == 200


# -- tokens and prompts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("top", ["", "/v1"])
def test_a_text_becomes_tokens_and_tokens_become_the_text(http: httpx.Client, store: Store, top: str) -> None:
    talker.add(store, "m")
    cut = http.post(f"{top}/tokenize", json={"model": "m", "content": "né"}).json()
    assert cut == {"tokens": [0x6E, 0xC3, 0xA9]}
    assert http.post(f"{top}/detokenize", json={"model": "m", **cut}).json() == {"content": "né"}
    pieces = http.post(f"{top}/tokenize", json={"model": "m", "content": "né", "with_pieces": True}).json()
    docs.TokenList.model_validate(pieces)
    assert pieces["tokens"] == [
        {"id": 0x6E, "piece": "n"},
        {"id": 0xC3, "piece": [0xC3]},
        {"id": 0xA9, "piece": [0xA9]},
    ]


def test_tokens_that_there_are_not_are_refused(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m")
    reply = http.post("/detokenize", json={"model": "m", "tokens": [1, 256]})
    assert (reply.status_code, error(reply)["param"]) == (400, "tokens")


CHAT: Any = {"model": "m", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}
TOOL: Any = {"type": "function", "function": {"name": "look", "parameters": {"properties": {"at": {"type": "string"}}}}}


@pytest.mark.parametrize("top", ["", "/v1"])
@pytest.mark.parametrize("more", [{}, {"tools": [TOOL]}, {"tools": [TOOL], "tool_choice": "none"}], ids=repr)
def test_the_prompt_that_is_shown_is_the_one_that_a_chat_is_given(
    http: httpx.Client, store: Store, top: str, more: dict[str, Any]
) -> None:
    talker.add(store, "m", replies=["Hello"], repeat=True)
    reply = http.post(f"{top}/apply-template", json=CHAT | more).json()
    docs.PromptReply.model_validate(reply)
    assert "Be brief." in reply["prompt"]
    assert http.get("/inferences/server/models").json()["data"] == [], "nothing was loaded for it"
    chat = http.post("/v1/chat/completions", json=CHAT | more).json()
    assert chat["usage"]["prompt_tokens"] == len(reply["prompt"].encode())
    again = http.post(COMPLETIONS, json=asked(reply["prompt"])).json()
    assert again["usage"]["prompt_tokens"] == chat["usage"]["prompt_tokens"]


def test_what_a_chat_is_refused_for_is_refused_for_its_prompt(http: httpx.Client, store: Store) -> None:
    talker.add(store, "m")
    for wrong, param in (({"messages": 5}, "messages"), ({"tool_choice": "required"}, "tool_choice")):
        reply = http.post("/apply-template", json=CHAT | wrong)
        assert (reply.status_code, error(reply)["param"]) == (400, param)


ROUTES = {COMPLETIONS: {"prompt": "x"}, "/v1/embeddings": {"input": "x"}, "/tokenize": {"content": "x"},
          "/detokenize": {"tokens": [1]}, "/apply-template": {"messages": CHAT["messages"]}}  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_names_a_missing_or_unknown_model_and_unknown_fields(
    http: httpx.Client, store: Store, route: str
) -> None:
    talker.add(store, "m", replies=["x"], repeat=True)
    missing = http.post(route, json=ROUTES[route])
    assert (missing.status_code, error(missing)["param"]) == (400, "model")
    unknown = http.post(route, json=ROUTES[route] | {"model": "nobody"})
    assert (unknown.status_code, error(unknown)["code"]) == (404, "model_not_found")
    named = http.post(route, json=ROUTES[route] | {"model": "m", "colour": "red"}).json()
    assert named["cortex"]["warnings"] == ["colour: this server knows no such field; it has no effect"]
    assert http.post(route, content=b"{").status_code == 400


@pytest.mark.parametrize("route", ROUTES)
def test_under_strict_fields_every_route_refuses_unknown_ones(store: Store, route: str) -> None:
    talker.add(store, "m", replies=["x"], repeat=True)
    with serving(LocalService(store, open_model=talker.opened), Options(strict_fields=True)) as strict:
        reply = httpx.post(strict.url + route, json=ROUTES[route] | {"model": "m", "colour": "red"})
    assert (reply.status_code, error(reply)["param"]) == (400, "colour")
