"""Routes of the original and of OpenAI that are not here, each with what replaces it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cortex.core.errors import NotFound
from cortex.server.wire import docs_manage as docs

router = APIRouter()
VERBS = ("GET", "POST", "PATCH", "DELETE")
RETIRED = {
    "/v1/threads": "conversations are kept by the client, which sends them with each request to /v1/chat/completions, "
    "or by /v1/responses with previous_response_id",
    "/v1/assistants": "a system message, tools and a model in a request to /v1/chat/completions or /v1/responses do "
    "what an assistant did",
    "/v1/files": "a file's text belongs into a message of /v1/chat/completions or /v1/responses; a model's file is "
    "imported with /v1/models/import",
    "/v1/models/add": "remote models are not there: this server runs models of this machine. A file is imported with "
    "/v1/models/import, a model is downloaded with /v1/models/pull",
    "/v1/models/remote": "remote models are not there: this server runs models of this machine, listed at /v1/models",
}


def _retire(path: str, instead: str) -> None:
    async def gone(request: Request) -> Response:
        raise NotFound(f"{path} is not here: {instead}", code="not_supported")

    for place in (path, path + "/{rest:path}"):
        router.add_api_route(
            place, gone, methods=[*VERBS], responses=docs.refusals(), response_model=None, include_in_schema=False
        )


for _path, _instead in RETIRED.items():
    _retire(_path, _instead)
