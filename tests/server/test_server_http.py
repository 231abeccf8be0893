"""The server as HTTP sees it: routes, headers, keys, broken requests, clients that leave. Only the model is played."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from played import STOP, PlayedService, Serving, serving, wait_until
from pydantic import BaseModel

from cortex.core.errors import Busy, LoadError
from cortex.core.events import Text
from cortex.server.site import Options
from cortex.server.wire import docs

CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]


def asking(model: str = "words", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": HI, **more}


@pytest.fixture
def http(server: Serving[PlayedService]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20) as client:
        yield client


def in_form(reply: httpx.Response) -> dict[str, Any]:
    """The error, after checking that it has OpenAI's four fields and the flat message."""
    body = reply.json()
    docs.ErrorReply.model_validate(body)
    assert body["message"] == body["error"]["message"] != ""
    return dict(body["error"])


# -- broken requests ---------------------------------------------------------------------------------------------------

DEEP = b"[" * 100_000
NESTED = '{"a":' * 300 + "1" + "}" * 300
HOSTILE: list[tuple[str, bytes]] = [
    ("empty", b""),
    ("blank", b"  \n"),
    ("not JSON", b"hello"),
    ("a form", b"model=words&messages=Hi"),
    ("half an object", b'{"model": "words", "messages": ['),
    ("two objects", b"{}{}"),
    ("a comma too many", b'{"model": "words",}'),
    ("NaN", b'{"model": "words", "messages": [{"role": "user", "content": "Hi"}], "temperature": NaN}'),
    ("infinity", b'{"model": "words", "temperature": 1e999}'),
    ("bytes that are no text", b'{"model": "\xff\xfe"}'),
    ("half a character", b'{"model": "words", "messages": [{"role": "user", "content": "\\ud800"}]}'),
    ("UTF-16", '{"model": "words"}'.encode("utf-16")),
    ("a zero byte", b'{"model": "words\x00"}'),
    ("null", b"null"),
    ("a list", b"[]"),
    ("a text", b'"words"'),
    ("a number", b"5"),
    ("true", b"true"),
    ("an empty object", b"{}"),
    ("brackets without end", DEEP),
    ("endless nesting", NESTED.encode()),
    ("nesting in a schema", json.dumps(asking(response_format={"type": "json_schema", "json_schema": {
        "name": "n", "schema": json.loads(NESTED)}})).encode()),
    ("a number without end", b'{"model": "words", "seed": ' + b"9" * 5000 + b"}"),
    ("an unknown model", json.dumps(asking("../../etc/passwd")).encode()),
    ("a model's name of a megabyte", json.dumps(asking("m" * 2**20)).encode()),
    ("a model's name with a zero", json.dumps(asking("wo\0rds")).encode()),
    *((f"{key} is {value!r:.20}", json.dumps({**asking(), key: value}).encode())
      for key, value in [
          ("messages", {}), ("messages", [None]), ("messages", [[]]), ("messages", [5]), ("messages", 5),
          ("messages", [{"role": None}]), ("messages", [{"role": []}]), ("messages", [{"role": {}}]),
          ("messages", [{"role": "user", "content": [None]}]), ("messages", [{"role": "user", "content": [[]]}]),
          ("messages", [{"role": "user", "content": [{"type": {}}]}]),
          ("messages", [{"role": "user", "content": [{"type": "text", "text": {}}]}]),
          ("messages", [{"role": "assistant", "tool_calls": [None]}]),
          ("messages", [{"role": "assistant", "tool_calls": [{"function": []}]}]),
          ("messages", [{"role": "assistant", "tool_calls": "x"}]),
          ("messages", [{"role": "assistant", "function_call": "x"}]),
          ("messages", [{"role": "assistant", "reasoning_content": []}]),
          ("messages", [{"role": "tool"}]), ("messages", [{"role": "tool", "tool_call_id": {}}]),
          ("messages", [{"role": "function"}]),
          ("tools", "x"), ("tools", [None]), ("tools", [[]]), ("tools", [{"type": []}]), ("tools", [{"type": None}]),
          ("tools", [{"type": "function", "function": "x"}]),
          ("tools", [{"type": "function", "function": {"name": {}}}]),
          ("tools", [{"type": "function", "function": {"name": "f", "description": 5}}]),
          ("tools", [{"type": "function", "function": {"name": "f", "parameters": "x"}}]),
          ("tool_choice", []), ("tool_choice", {}), ("tool_choice", {"type": {}}), ("tool_choice", {"type": "x"}),
          ("tool_choice", {"type": "function", "function": []}),
          ("tool_choice", {"type": "allowed_tools", "allowed_tools": []}),
          ("response_format", "json"), ("response_format", {"type": []}),
          ("response_format", {"type": "json_schema", "json_schema": "x"}),
          ("stop", {}), ("stop", [[]]), ("stop", [""]), ("logit_bias", {"-1": 1}), ("logit_bias", {"1": "x"}),
          ("logit_bias", {"٣": 1}), ("seed", {}), ("seed", 1e300), ("max_tokens", "5"),
          ("max_tokens", -2), ("top_k", 2**40), ("temperature", []), ("stream", "true"), ("stream_options", []),
          ("n", 0), ("n", {}), ("modalities", "text"), ("chat_template_kwargs", "x"),
      ]),
]  # fmt: skip


@pytest.mark.parametrize("raw", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_a_broken_request_is_the_clients_fault(http: httpx.Client, server: Serving[PlayedService], raw: bytes) -> None:
    reply = http.post(CHAT, content=raw)
    error = in_form(reply)
    assert reply.status_code in (400, 404, 413)
    assert error["type"] == "invalid_request_error"
    assert server.service.asked == []


def test_a_body_may_begin_with_a_byte_order_mark(http: httpx.Client) -> None:
    assert http.post(CHAT, content=b"\xef\xbb\xbf" + json.dumps(asking()).encode()).status_code == 200


def test_a_body_may_be_gzip(http: httpx.Client) -> None:
    raw = gzip.compress(json.dumps(asking()).encode())
    assert http.post(CHAT, content=raw, headers={"content-encoding": "gzip"}).status_code == 200


@pytest.mark.parametrize(
    "raw", [b"", b"hello", gzip.compress(b'{"model": "words"}')[:-9]], ids=["empty", "no gzip", "cut off"]
)
def test_broken_gzip_is_refused(http: httpx.Client, raw: bytes) -> None:
    reply = http.post(CHAT, content=raw, headers={"content-encoding": "gzip"})
    assert (reply.status_code, in_form(reply)["code"]) == (400, "invalid_gzip")


def test_an_encoding_that_is_not_understood_is_refused(http: httpx.Client) -> None:
    reply = http.post(CHAT, content=b"x", headers={"content-encoding": "br"})
    assert (reply.status_code, in_form(reply)["code"]) == (415, "unsupported_content_encoding")


@pytest.mark.parametrize("how", ["at once", "in parts", "as a gzip bomb"])
def test_a_body_that_is_too_large_is_refused(service: PlayedService, how: str) -> None:
    raw = json.dumps(asking(user="x" * 5000)).encode()
    with serving(service, Options(max_body=1000)) as server, httpx.Client(base_url=server.url, timeout=20) as http:
        match how:
            case "at once":
                reply = http.post(CHAT, content=raw)
            case "in parts":
                reply = http.post(CHAT, content=iter([raw[:600], raw[600:]]))
            case _:
                reply = http.post(CHAT, content=gzip.compress(raw), headers={"content-encoding": "gzip"})
    assert (reply.status_code, in_form(reply)["code"]) == (413, "request_too_large")


def test_a_route_that_is_not_there(http: httpx.Client) -> None:
    reply = http.get("/v1/nothing")
    assert (reply.status_code, in_form(reply)["code"]) == (404, "unknown_url")
    assert "GET /v1/nothing" in reply.json()["message"]


def test_a_method_that_does_not_fit(http: httpx.Client) -> None:
    reply = http.get(CHAT)
    assert (reply.status_code, in_form(reply)["code"]) == (405, "method_not_allowed")
    assert reply.headers["allow"] == "POST"


def test_strict_fields_are_refused(service: PlayedService) -> None:
    with serving(service, Options(strict_fields=True)) as server, httpx.Client(base_url=server.url) as http:
        reply = http.post(CHAT, json=asking(colour="red"))
        started = http.post("/v1/models/start", json={"model": "words", "n_batch": 3})
    assert (reply.status_code, in_form(reply)["param"]) == (400, "colour")
    assert (started.status_code, in_form(started)["param"]) == (400, "n_batch")


# -- our own failures --------------------------------------------------------------------------------------------------


def test_a_bug_is_a_500_that_names_the_request_and_the_server_lives_on(
    http: httpx.Client, server: Serving[PlayedService], caplog: pytest.LogCaptureFixture
) -> None:
    server.service.failures["words"] = ZeroDivisionError("a bug")
    reply = http.post(CHAT, json=asking())
    assert (reply.status_code, in_form(reply)["code"]) == (500, "internal_error")
    assert reply.headers["x-request-id"] in reply.json()["message"]
    assert [record.exc_info is not None for record in caplog.records if record.levelno >= logging.ERROR] == [True]
    assert http.post(CHAT, json=asking("call")).status_code == 200


def test_a_bug_in_mid_stream_ends_it_with_an_error_event(http: httpx.Client, server: Serving[PlayedService]) -> None:
    server.service.scripts["words"] = [Text("Hel"), ZeroDivisionError("a bug")]
    reply = http.post(CHAT, json=asking(stream=True))
    *_, last, empty = reply.text.split("\n\n")
    assert empty == ""
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "internal_error"
    assert reply.headers["x-request-id"] in last
    wait_until(lambda: server.service.closed == ["words"])


def test_a_busy_server_says_when_to_come_back(http: httpx.Client, server: Serving[PlayedService]) -> None:
    server.service.failures["words"] = Busy("all places are taken")
    reply = http.post(CHAT, json=asking(stream=True))
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")


# -- clients that leave ------------------------------------------------------------------------------------------------

ENDLESS = [step for _ in range(2000) for step in (Text("on "), 0.01)]


def test_leaving_a_stream_frees_its_place(http: httpx.Client, server: Serving[PlayedService]) -> None:
    server.service.scripts["words"] = [*ENDLESS, STOP]
    with http.stream("POST", CHAT, json=asking(stream=True)) as reply:
        parts = reply.iter_bytes()  # a name of its own: httpx closes the connection with a forgotten iterator
        assert b"assistant" in next(parts)
        assert server.service.closed == []
    wait_until(lambda: server.service.closed == ["words"])


async def test_leaving_while_the_whole_answer_is_made_frees_its_place(server: Serving[PlayedService]) -> None:
    server.service.scripts["words"] = [*ENDLESS, STOP]
    await leave(server)
    await asyncio.to_thread(wait_until, lambda: server.service.closed == ["words"])


@pytest.mark.parametrize("stream", [False, True])
async def test_leaving_while_the_model_is_loaded_gives_up(server: Serving[PlayedService], stream: bool) -> None:
    server.service.admission = 15.0
    await leave(server, stream=stream)
    await asyncio.to_thread(wait_until, lambda: server.service.closed == ["words"])


async def leave(server: Serving[PlayedService], **more: Any) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        task = asyncio.create_task(http.post(CHAT, json=asking(**more)))
        await asyncio.to_thread(wait_until, lambda: server.service.asked)
        task.cancel()
        await asyncio.wait([task])


def test_a_finished_answer_frees_its_place(http: httpx.Client, server: Serving[PlayedService]) -> None:
    http.post(CHAT, json=asking())
    http.post(CHAT, json=asking(stream=True))
    wait_until(lambda: server.service.closed == ["words", "words"])


def test_silence_is_filled_with_comments(service: PlayedService) -> None:
    service.scripts["words"] = [0.3, Text("late"), STOP]
    with serving(service, Options(silence=0.05)) as server, httpx.Client(base_url=server.url, timeout=20) as http:
        text = http.post(CHAT, json=asking(stream=True)).text
    first, *rest = text.split("\n\n")
    assert '"role":"assistant"' in first
    assert rest[0] == ": keep-alive"
    assert rest[-2:] == ["data: [DONE]", ""]


def test_a_stream_has_the_headers_that_proxies_need(http: httpx.Client) -> None:
    headers = http.post(CHAT, json=asking(stream=True)).headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache", "no")
    assert "content-length" not in headers


# -- models ------------------------------------------------------------------------------------------------------------


def test_the_models_are_listed(http: httpx.Client, server: Serving[PlayedService]) -> None:
    body = http.get("/v1/models").json()
    docs.ModelList.model_validate(body)
    assert [row["id"] for row in body["data"]] == list(server.service.scripts)
    assert body["data"][0]["ctx_len"] == 4096


@pytest.mark.parametrize("id", ["llama3.1:8b-gguf-q4-km", "author/Repo", "author:Repo:file.gguf"])
@pytest.mark.parametrize("quoted", [False, True])
def test_ids_stand_in_paths_as_they_are(
    http: httpx.Client, server: Serving[PlayedService], id: str, quoted: bool
) -> None:
    server.service.scripts[id] = [STOP]
    path = id.replace("/", "%2F").replace(":", "%3A") if quoted else id
    assert http.get(f"/v1/models/{path}").json()["id"] == id
    assert http.get(f"/v1/models/status/{path}").json()["message"] == "Model is not running"


def test_a_model_is_started_seen_and_stopped(http: httpx.Client, server: Serving[PlayedService]) -> None:
    assert http.get("/v1/models/status/words").status_code == 400
    started = http.post("/v1/models/start", json={"model": "words", "ctx_len": 2048})
    assert (started.status_code, started.json()) == (200, {"message": "Started successfully!"})
    assert server.service.wanted == {"words": {"ctx_len": 2048}}
    assert http.get("/v1/models/status/words").json() == {"message": "Model is running"}
    loaded = http.get("/inferences/server/models").json()
    docs.LoadedList.model_validate(loaded)
    assert loaded["data"][0] | {"start_time": 0} == {
        "id": "words", "model": "words", "object": "model", "engine": "llama-cpp", "ram": 1000, "vram": 0,
        "start_time": 0, "uptime": 7.5, "memory": 0, "ctx_len": 0, "idle": None, "unloads_in": None,
    }  # fmt: skip
    assert http.post("/v1/models/stop", json={"model": "words"}).json() == {"message": "Stopped successfully!"}
    assert http.get("/inferences/server/models").json()["data"] == []


def test_what_start_cannot_obey_is_named(http: httpx.Client) -> None:
    body = http.post("/v1/models/start", json={"model": "words", "n_batch": 33, "caching_enabled": True}).json()
    assert [warning.partition(":")[0] for warning in body["cortex"]["warnings"]] == ["n_batch", "caching_enabled"]
    assert body["warning"] == "; ".join(body["cortex"]["warnings"])


@pytest.mark.parametrize(
    ("path", "sent", "status", "param"),
    [
        ("start", {}, 400, "model"),
        ("start", {"model": 5}, 400, "model"),
        ("start", {"model": "words", "ctx_len": 0}, 400, "ctx_len"),
        ("start", {"model": "none such"}, 404, "model"),
        ("stop", {"model": "words"}, 400, "model"),
        ("stop", {"model": "none such"}, 404, "model"),
    ],
)
def test_start_and_stop_refuse(http: httpx.Client, path: str, sent: Any, status: int, param: str) -> None:
    reply = http.post(f"/v1/models/{path}", json=sent)
    assert (reply.status_code, in_form(reply)["param"]) == (status, param)


def test_a_model_that_is_being_loaded_says_how_far(http: httpx.Client, server: Serving[PlayedService]) -> None:
    server.service.fractions["words"] = 0.25
    reply = http.get("/v1/models/status/words")
    assert (reply.status_code, reply.json()) == (202, {"message": "Model is loading", "progress": 0.25})


def test_a_model_that_cannot_be_loaded(http: httpx.Client, server: Serving[PlayedService]) -> None:
    server.service.failures["words"] = LoadError("too little memory")
    reply = http.post("/v1/models/start", json={"model": "words"})
    assert (reply.status_code, in_form(reply)["message"]) == (503, "too little memory")


# -- the server itself -------------------------------------------------------------------------------------------------


def test_it_says_that_it_is_alive(http: httpx.Client) -> None:
    reply = http.get("/healthz")
    assert (reply.status_code, reply.text) == (200, "cortex-cpp is alive!!!")


def test_it_ends_when_told_and_closes_its_models(service: PlayedService) -> None:
    with serving(service) as server:
        reply = httpx.delete(f"{server.url}/processManager/destroy")
        assert reply.json() == {"message": "Program is exitting, goodbye!"}
        wait_until(lambda: service.shut)


def test_every_reply_has_a_request_id_of_its_own(http: httpx.Client) -> None:
    replies = [http.get("/healthz"), http.get("/nothing"), http.post(CHAT, json=asking(stream=True))]
    ids = {reply.headers["x-request-id"] for reply in replies}
    assert len(ids) == 3
    assert all(re.fullmatch(r"req_\d+", id) for id in ids)


def test_the_log_has_one_line_a_request(http: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cortex.server")
    id = http.post(CHAT, json=asking(stream=True)).headers["x-request-id"]
    wait_until(lambda: len(caplog.messages) == 1)  # it is written when the last byte has been sent
    http.get("/nothing")
    wait_until(lambda: len(caplog.messages) == 2)
    assert re.fullmatch(rf"{id} words POST {CHAT} 200 \d+ ms, 12\+7 tokens", caplog.messages[0])
    assert re.fullmatch(r"req_\d+ - GET /nothing 404 \d+ ms, 0\+0 tokens", caplog.messages[1])


def test_warnings_are_one_line_of_the_log(http: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    http.post(CHAT, json=asking(colour="red", size=3))
    (line,) = (record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert "colour" in line
    assert "size" in line


def keyed(service: PlayedService, key: str | None, method: str, path: str, **more: Any) -> httpx.Response:
    headers = {"authorization": key} if key is not None else {}
    with serving(service, Options(api_keys=("one", "zwei"))) as server:
        return httpx.request(method, server.url + path, headers=headers, **more)


@pytest.mark.parametrize("key", [None, "", "one", "Bearer", "Bearer three", "Basic one", "Bearer oneone"])
def test_a_wrong_key_is_refused(service: PlayedService, key: str | None) -> None:
    reply = keyed(service, key, "POST", CHAT, json=asking())
    assert (reply.status_code, in_form(reply)["code"]) == (401, "invalid_api_key")
    assert reply.json()["message"] == "Invalid API Key"
    assert service.asked == []


@pytest.mark.parametrize("key", ["Bearer one", "Bearer zwei", "bearer one"])
def test_a_right_key_is_let_in(service: PlayedService, key: str) -> None:
    assert keyed(service, key, "POST", CHAT, json=asking()).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/openapi.json"), ("GET", "/healthz"), ("DELETE", "/processManager/destroy")],
)
def test_some_routes_need_no_key(service: PlayedService, method: str, path: str) -> None:
    assert keyed(service, None, method, path).status_code == 200


@pytest.mark.parametrize(
    ("origins", "seen"),
    [
        (("*",), "*"),
        ((), "*"),
        (("http://page",), "http://page"),
        (("http://other",), None),
        (None, None),
    ],
)
def test_pages_may_ask_as_configured(service: PlayedService, origins: tuple[str, ...] | None, seen: str | None) -> None:
    with serving(service, Options(origins=origins)) as server:
        reply = httpx.get(f"{server.url}/v1/models", headers={"origin": "http://page"})
    assert reply.headers.get("access-control-allow-origin") == seen


def test_a_page_may_send_json_and_a_key(service: PlayedService) -> None:
    asked = {
        "origin": "http://page",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    with serving(service, Options(origins=("http://page",), api_keys=("one",))) as server:
        preflight = httpx.options(server.url + CHAT, headers=asked)
        refused = httpx.post(server.url + CHAT, headers={"origin": "http://page"})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-max-age"] == "600"
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert refused.headers["access-control-allow-origin"] == "http://page"


# -- documentation -----------------------------------------------------------------------------------------------------


def test_the_documentation_needs_no_network_and_no_script(http: httpx.Client) -> None:
    page = http.get("/").text
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=.?https?:", page)
    for word in (CHAT, "/v1/models/{id}", "parallel_tool_calls", "ChatCompletionChunk", "reasoning_content"):
        assert word in page


def test_every_link_of_the_documentation_leads_somewhere(http: httpx.Client) -> None:
    page = http.get("/").text
    links = set(re.findall(r'href="#(\w+)"', page))
    assert links
    assert links <= set(re.findall(r'id="(\w+)"', page))


def test_every_route_is_documented_with_its_errors(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    routes = {f"{verb.upper()} {path}" for path, verbs in document["paths"].items() for verb in verbs}
    assert routes == {
        "POST /v1/chat/completions",
        "POST /v1/completions",
        "POST /v1/responses",
        *(f"{verb} /v1/responses/{{response_id}}" for verb in ("GET", "DELETE")),
        "GET /v1/responses/{response_id}/input_items",
        "POST /v1/embeddings",
        *(f"POST {top}{path}" for top in ("", "/v1") for path in ("/tokenize", "/detokenize", "/apply-template")),
        "GET /v1/models",
        *(f"{verb} /v1/models/{{id}}" for verb in ("GET", "PATCH", "DELETE")),
        *(f"{verb} /v1/models/pull" for verb in ("POST", "DELETE")),
        "POST /v1/models/pull/info",
        "POST /v1/models/import",
        *(f"{verb} /v1/models/sources" for verb in ("GET", "POST", "DELETE")),
        "GET /v1/models/sources/{source}",
        "GET /v1/models/hub",
        *(f"{verb} /v1/configs" for verb in ("GET", "PATCH")),
        *(f"{verb} /v1/engines" for verb in ("GET", "POST")),
        *(f"GET /v1/engines/{{name}}{rest}" for rest in ("", "/releases", "/releases/{version}", "/default")),
        *(f"POST /v1/engines/{{name}}/{rest}" for rest in ("install", "default", "update", "load")),
        *(f"DELETE /v1/engines/{{name}}/{rest}" for rest in ("install", "load")),
        "GET /v1/hardware",
        "POST /v1/hardware/activate",
        "GET /v1/models/status/{id}",
        "POST /v1/models/start",
        "POST /v1/models/stop",
        "GET /inferences/server/models",
        "GET /healthz",
        "DELETE /processManager/destroy",
    }
    replies = document["paths"][CHAT]["post"]["responses"]
    assert replies.keys() == {str(status) for status in (200, 400, 401, 403, 404, 408, 413, 415, 429, 500, 503)}
    assert replies["400"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorReply"}
    assert "422" not in json.dumps(document)


def test_every_reference_of_the_document_resolves(http: httpx.Client) -> None:
    text = http.get("/openapi.json").text
    shapes = json.loads(text)["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= shapes.keys()


def test_all_shapes_are_models_of_what_is_sent() -> None:
    assert all(issubclass(shape, BaseModel) for shape in docs.EXTRA_SHAPES)
