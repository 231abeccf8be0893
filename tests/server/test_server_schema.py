"""The server against its own OpenAPI document: whatever fits it and whatever does not, no answer is a 5xx, and each has
a documented status, type and shape. `schemathesis` makes the requests; the same ones in every run."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
import talker
from hypothesis import HealthCheck, Phase, given, seed, settings
from played import Serving, serving
from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import FailureGroup

from cortex.models.store import Store
from cortex.server.local import LocalService
from models import hub

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ENDS = "/processManager/destroy"  # it would end the server that the next case needs; test_server_http asks it
CHAT = ("POST", "/v1/chat/completions")
HI = [{"role": "user", "content": "Hi"}]
COUNTS = {  # (method, path) -> how many requests that fit the document, and how many that do not
    CHAT: (300, 300),
    ("POST", "/v1/completions"): (150, 150),
    ("POST", "/v1/responses"): (150, 150),
    ("GET", "/v1/responses/{response_id}"): (20, 0),
    ("DELETE", "/v1/responses/{response_id}"): (20, 0),
    ("GET", "/v1/responses/{response_id}/input_items"): (20, 20),
    ("POST", "/v1/embeddings"): (80, 80),
    ("POST", "/tokenize"): (60, 60),
    ("POST", "/detokenize"): (60, 60),
    ("POST", "/apply-template"): (80, 80),
    ("POST", "/v1/tokenize"): (5, 5),
    ("POST", "/v1/detokenize"): (5, 5),
    ("POST", "/v1/apply-template"): (5, 5),
    ("POST", "/v1/models/start"): (10, 100),  # each new context starts a new process
    ("POST", "/v1/models/stop"): (60, 60),
    ("GET", "/v1/models/{id}"): (150, 0),  # any text is an id
    ("GET", "/v1/models/status/{id}"): (150, 0),
    ("GET", "/v1/models"): (1, 0),
    ("GET", "/inferences/server/models"): (1, 0),
    ("GET", "/healthz"): (1, 0),
    ("PATCH", "/v1/models/{id}"): (60, 60),
    ("DELETE", "/v1/models/{id}"): (60, 0),
    ("POST", "/v1/models/pull"): (20, 60),
    ("DELETE", "/v1/models/pull"): (30, 30),
    ("POST", "/v1/models/pull/info"): (10, 30),
    ("POST", "/v1/models/import"): (60, 60),
    ("GET", "/v1/models/sources"): (1, 0),
    ("POST", "/v1/models/sources"): (20, 30),
    ("DELETE", "/v1/models/sources"): (30, 30),
    ("GET", "/v1/models/sources/{source}"): (60, 0),
    ("GET", "/v1/models/hub"): (30, 0),
    ("GET", "/v1/engines"): (1, 0),
    ("POST", "/v1/engines"): (3, 0),
    ("GET", "/v1/engines/{name}"): (30, 0),
    ("GET", "/v1/engines/{name}/releases"): (10, 0),
    ("GET", "/v1/engines/{name}/releases/{version}"): (30, 0),
    ("POST", "/v1/engines/{name}/install"): (30, 30),
    ("DELETE", "/v1/engines/{name}/install"): (10, 0),
    ("GET", "/v1/engines/{name}/default"): (10, 0),
    ("POST", "/v1/engines/{name}/default"): (30, 30),
    ("POST", "/v1/engines/{name}/update"): (10, 0),
    ("POST", "/v1/engines/{name}/load"): (10, 0),
    ("DELETE", "/v1/engines/{name}/load"): (10, 0),
    ("GET", "/v1/hardware"): (2, 0),
    ("POST", "/v1/hardware/activate"): (30, 30),
    ("GET", "/v1/configs"): (1, 0),
    ("PATCH", "/v1/configs"): (80, 80),  # the last: what they change holds for all that follow
}
CASES = [
    pytest.param(operation, mode, count, id=f"{' '.join(operation)} {mode.value}")
    for operation, counts in COUNTS.items()
    for mode, count in zip((GenerationMode.POSITIVE, GenerationMode.NEGATIVE), counts, strict=True)
    if count
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving[LocalService]]:
    store = Store(tmp_path_factory.mktemp("data"))
    call = '<tool_call>\n{"name": "0", "arguments": {}}\n</tool_call>'
    talker.add(store, "m", replies=["Hello!", call, '{"a": 1}'], repeat=True, size=1000)
    with hub.serving(hub.Hub()) as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", home.url)  # one that has nothing
        with serving(LocalService(store, open_model=talker.opened)) as running:
            yield running


@pytest.fixture(scope="module")
def document(server: Serving[LocalService]) -> dict[str, Any]:
    """The document, which says that "m" is the model and HI a conversation: of any others the 404 and the 400 of
    messages would hide the rest."""
    document: dict[str, Any] = httpx.get(f"{server.url}/openapi.json").json()
    for verbs in document["paths"].values():
        for operation in verbs.values():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            if "model" in body.get("properties", {}):
                body["properties"]["model"] = {"enum": ["m"]}
            if "instructions" in body.get("properties", {}):
                body["properties"]["input"] = {"anyOf": [{"enum": [HI, "Hi"]}, body["properties"]["input"]]}
            body.get("properties", {}).pop("api_keys", None)  # every later request would need one
            if "messages" in body.get("properties", {}):
                body["properties"]["messages"] = {"anyOf": [{"enum": [HI]}, body["properties"]["messages"]]}
    return document


def test_every_operation_is_tried(document: dict[str, Any]) -> None:
    offered = {(verb.upper(), path) for path, verbs in document["paths"].items() for verb in verbs if path != ENDS}
    assert offered == set(COUNTS)
    assert sum(map(sum, COUNTS.values())) >= 2000


@pytest.mark.slow
@pytest.mark.parametrize(("operation", "mode", "count"), CASES)
def test_every_answer_is_as_documented(
    server: Serving[LocalService],
    document: dict[str, Any],
    operation: tuple[str, str],
    mode: GenerationMode,
    count: int,
) -> None:
    run(server.url, document, operation, mode, count)


def test_an_answer_that_is_not_documented_would_be_found(
    server: Serving[LocalService], document: dict[str, Any]
) -> None:
    silent = copy.deepcopy(document)
    del silent["paths"]["/v1/models/{id}"]["get"]["responses"]["404"]
    with pytest.raises(FailureGroup, match="404"):
        run(server.url, silent, ("GET", "/v1/models/{id}"), GenerationMode.POSITIVE, 5)


def run(url: str, document: dict[str, Any], operation: tuple[str, str], mode: GenerationMode, count: int) -> None:
    verb, path = operation
    strategy = schemathesis.openapi.from_dict(document)[path][verb].as_strategy(generation_mode=mode)

    with requests.Session() as session:

        @seed(4)
        @settings(
            max_examples=count,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def holds(case: Case[Any]) -> None:
            reply = case.call(base_url=url, session=session)
            case.validate_response(reply, checks=CHECKS)

        holds()
