"""Other paths for the same: the original had most routes without `/v1` too, and others under older names."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

BARE: Final = ("/models", "/engines", "/hardware", "/configs", "/threads", "/assistants", "/files")
OLD: Final = {
    "/inferences/server/chat_completion": "/v1/chat/completions",
    "/inferences/server/embedding": "/v1/embeddings",
    "/inferences/server/loadmodel": "/v1/models/start",
    "/inferences/server/unloadmodel": "/v1/models/stop",
}


class OldPaths:
    """Changes the path of such a request to the one that is documented."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (path := today(scope["path"])) != scope["path"]:
            scope = {**scope, "path": path, "raw_path": path.encode()}
        return await self._app(scope, receive, send)


def today(path: str) -> str:
    """The path that is documented for this one."""
    if any(path == bare or path.startswith(bare + "/") for bare in BARE):
        return f"/v1{path}"
    return OLD.get(path, path)
