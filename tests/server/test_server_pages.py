"""What web pages may change on this machine: nothing, unless they are named."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import talker
from managed import wrong
from played import serving

from cortex.models.store import Store
from cortex.server.local import LocalService
from cortex.server.site import Options

CHANGES = [
    ("POST", "/v1/models/pull", {"model": "smollm2:135m"}),
    ("POST", "/models/pull", {"model": "smollm2:135m"}),
    ("POST", "/v1/models/import", {"model": "x", "modelPath": "/etc/passwd"}),
    ("DELETE", "/v1/models/m", None),
    ("PATCH", "/v1/models/m", {"ctx_len": 5}),
    ("PATCH", "/v1/configs", {"api_keys": []}),
    ("POST", "/v1/models/sources", {"source": "a/b"}),
    ("DELETE", "/processManager/destroy", None),
]


@pytest.mark.parametrize(("method", "path", "sent"), CHANGES)
@pytest.mark.parametrize("origins", [("*",), (), None, ("http://other",)])
def test_no_page_changes_what_is_on_this_machine(store: Store, origins: Any, method: str, path: str, sent: Any) -> None:
    talker.add(store, "m", replies=["a"])
    with serving(LocalService(store, open_model=talker.opened), Options(origins=origins)) as local:
        for origin in ("http://evil.example", "null", "http://evil.example:80"):
            plain = {"origin": origin, "content-type": "text/plain"}  # a browser sends this without asking first
            reply = httpx.request(method, local.url + path, headers=plain, content=json.dumps(sent))
            assert wrong(reply)[:2] == (403, "origin_not_allowed")
        # The page's owner made its name point to this machine.
        rebound = {"origin": "http://evil.example", "host": "evil.example"}
        assert httpx.request(method, local.url + path, headers=rebound, json=sent).status_code == 403
    assert store.has("m")
    assert store.get("m").settings.keys() == {"engine"}


def test_a_page_that_is_named_and_the_server_s_own_may_change_it(store: Store) -> None:
    talker.add(store, "m", replies=["a"])
    with serving(LocalService(store, open_model=talker.opened), Options(origins=("http://page",))) as local:
        for origin in ("http://page", local.url):
            reply = httpx.patch(f"{local.url}/v1/models/m", json={"top_k": 3}, headers={"origin": origin})
            assert reply.status_code == 200


def test_any_page_may_ask_where_all_are_allowed(store: Store) -> None:
    talker.add(store, "m", replies=["a"], repeat=True)
    with serving(LocalService(store, open_model=talker.opened)) as local:
        page = {"origin": "http://page"}
        assert httpx.get(f"{local.url}/v1/models", headers=page).status_code == 200
        started = httpx.post(f"{local.url}/v1/models/start", json={"model": "m"}, headers=page, timeout=60)
        assert started.status_code == 200
