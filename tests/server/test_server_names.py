"""Names, addresses and paths that can be none, on every route that takes one: the client is told which field it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import talker
from managed import HI

from cortex.models.store import LONGEST, Store
from models import tiny

NAMES = [
    "http://[",
    "http://[/x.gguf",
    "http://a\u2100b/x.gguf",  # a host that NFKC makes a path of
    "http://host:port/x.gguf",
    "http://host:99999/x.gguf",
    "http:///x.gguf",
    "https://huggingface.co:99999/a/b",
    "https://hf.co/%00/b",
    "https://hf.co/a/b/resolve/main/%00.gguf",
    "file://[",
    "file:",
    "file:///",
    "file:///a%00.gguf",
    "/",
    "/tmp/",
    "./",
    "../",
    "/a/..",
    "~nobody-here/x.gguf",
    "/a\0b.gguf",
    "a\0b",
    "a:b:\0.gguf",
    "a/b@\0/c.gguf",
    "\n",
    "\u202e",
    "x" * 5000,
    "/" + "x" * 5000 + ".gguf",
    "a:b:" + "x" * 300 + ".gguf",
    "pypi:x==" + "1" * 300,
    "pypi:x{1.." + "9" * 5000 + "}==1",
    "pypi:x{1..9999999999}==1",
]
OUTSIDE = ["x:..:..:..:up", "x:/tmp/up", "x:..", "x::y", "x:."]  # ids become paths, in which `:` parts folders
SENT: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/v1/chat/completions", {"messages": HI}, "model"),
    ("POST", "/v1/responses", {"input": "Hi"}, "model"),
    ("POST", "/v1/completions", {"prompt": "Hi"}, "model"),
    ("POST", "/v1/embeddings", {"input": "Hi"}, "model"),
    ("POST", "/tokenize", {"content": "Hi"}, "model"),
    ("POST", "/detokenize", {"tokens": [1]}, "model"),
    ("POST", "/apply-template", {"messages": HI}, "model"),
    ("POST", "/v1/models/start", {}, "model"),
    ("POST", "/v1/models/start", {"model": "new"}, "model_path"),
    ("POST", "/v1/models/stop", {}, "model"),
    ("POST", "/v1/models/import", {"model": "new"}, "modelPath"),
    ("POST", "/v1/models/import", {"model": "new", "option": "copy"}, "modelPath"),
    ("POST", "/v1/models/pull/info", {}, "model"),
    ("POST", "/v1/models/sources", {}, "source"),
    ("DELETE", "/v1/models/sources", {}, "source"),
    ("DELETE", "/v1/models/pull", {}, "taskId"),
]
PATHS = [
    ("GET", "/v1/models/"),
    ("DELETE", "/v1/models/"),
    ("GET", "/v1/models/status/"),
    ("GET", "/v1/models/sources/"),
    ("GET", "/v1/engines/"),
    ("GET", "/v1/responses/"),
    ("DELETE", "/v1/responses/"),
    ("GET", "/v1/engines/llama-cpp/releases/"),
]


def wrong(reply: httpx.Response) -> tuple[bool, str | None]:
    """Whether the client is at fault, and with which field."""
    return reply.status_code in (400, 404), reply.json()["error"]["param"]


@pytest.mark.parametrize(("verb", "path", "others", "field"), SENT)
def test_a_field_that_holds_no_name_is_named(
    http: httpx.Client, store: Store, verb: str, path: str, others: dict[str, Any], field: str
) -> None:
    talker.add(store, "known")
    told = {name: wrong(http.request(verb, path, json={**others, field: name})) for name in NAMES}
    assert told == dict.fromkeys(NAMES, (True, field))


@pytest.mark.parametrize(("verb", "path"), PATHS)
def test_a_path_that_holds_no_name_is_no_fault_of_ours(http: httpx.Client, store: Store, verb: str, path: str) -> None:
    talker.add(store, "known")
    replies = {name: http.request(verb, path + quote(name, safe="")).status_code for name in NAMES}
    assert {status for status in replies.values() if status >= 500} == set(), replies


@pytest.mark.parametrize("id", [*NAMES, *OUTSIDE, "", "a/../b", "/a", "x" * (LONGEST + 1), "é" * LONGEST, "known"])
@pytest.mark.parametrize("option", ["symlink", "copy"])
def test_an_id_that_can_be_none_is_refused(
    http: httpx.Client, store: Store, tmp_path: Path, id: str, option: str
) -> None:
    file = tiny.write(tmp_path / "tiny.gguf")
    talker.add(store, "known")
    sent = {"model": id, "modelPath": str(file), "option": option}
    assert wrong(http.post("/v1/models/import", json=sent)) == (True, "model")
    assert [model.id for model in store.list()] == ["known"]


@pytest.mark.parametrize("option", ["symlink", "copy"])
def test_the_longest_id_names_files(http: httpx.Client, store: Store, tmp_path: Path, option: str) -> None:
    sent = {"model": "x" * LONGEST, "modelPath": str(tiny.write(tmp_path / "tiny.gguf")), "option": option}
    assert http.post("/v1/models/import", json=sent).status_code == 200
    assert http.delete(f"/v1/models/{'x' * LONGEST}").status_code == 200


@pytest.mark.parametrize("name", NAMES)
def test_a_download_of_what_can_be_no_name_is_refused(http: httpx.Client, name: str) -> None:
    assert wrong(http.post("/v1/models/pull", json={"model": name})) == (True, "model")
    sent = {"model": "a:b:c.gguf", "id": name}
    assert wrong(http.post("/v1/models/pull", json=sent)) == (True, "id")


@pytest.mark.parametrize("route", ["/v1/models/pull", "/v1/models/pull/info"])
def test_a_repository_that_no_hub_can_have_is_told_of_the_field(http: httpx.Client, route: str) -> None:
    assert wrong(http.post(route, json={"model": f"{'x' * 97}:y"})) == (True, "model")


@pytest.mark.parametrize("path", ["/", "/tmp", "/dev/null", "/nowhere.gguf", "/" + "x" * 300])
@pytest.mark.parametrize(("route", "field"), [("/v1/models/import", "modelPath"), ("/v1/models/start", "model_path")])
def test_what_is_no_file_of_a_model_is_told_of_its_field(http: httpx.Client, route: str, field: str, path: str) -> None:
    reply = http.post(route, json={"model": "new", field: path})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, field)
    assert field in reply.json()["message"]


def test_half_a_character_is_no_json(http: httpx.Client) -> None:
    reply = http.post("/v1/models/stop", content=json.dumps({"model": "\ud800"}))
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_json")
