"""What the tests of the management routes look with: an error in both its forms, a chat, the models that run."""

from __future__ import annotations

from typing import Any

import httpx
import talker
from played import Serving

from cortex.models.store import Model, Store
from cortex.server.local import LocalService

HI: Any = [{"role": "user", "content": "Hi"}]
Local = Serving[LocalService]


def wrong(reply: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of an error, which is there in both forms."""
    body = reply.json()
    assert body["message"] == body["error"]["message"]
    return reply.status_code, body["error"]["code"], body["message"]


def ask(http: httpx.Client, model: str) -> httpx.Response:
    return http.post("/v1/chat/completions", json={"model": model, "messages": HI})


def running(http: httpx.Client) -> list[str]:
    return [row["id"] for row in http.get("/inferences/server/models").json()["data"]]


def need(store: Store, id: str, size: int) -> None:
    """A model that needs this much memory, and a little more."""
    model = talker.add(store, id, replies=["a"], repeat=True)
    store.add(Model(id, model.path, size, "test", settings=dict(model.settings) | {"ctx_len": 64}))
