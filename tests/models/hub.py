"""A loopback hub: as much of Hugging Face's API as the real `huggingface_hub` asks for, and plain files beside it.

    with serving(Hub({"cortexso/llama3.1": {"main": {"metadata.yml": b"..."}, "8b": {"model.gguf": data}}})) as hub:
        environment = {"HF_ENDPOINT": hub.url}

Large files are given as the real hub gives them: `resolve` leads to another host, which knows no tokens. The faults of
networks can be had: see the fields of `Hub`.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Lock, Thread
from typing import Any
from urllib.parse import unquote, urlparse

import huggingface_hub.constants  # noqa: F401 it reads the environment once: before a test changes that

Files = dict[str, bytes]
CHUNK = 1 << 16


@dataclass(frozen=True)
class Asked:
    """One request. `range` is as it was sent; `host` tells the hub from where large files lie; `proxy` is what a proxy
    is told of who asks."""

    method: str
    path: str
    range: str = ""
    token: str = ""
    host: str = ""
    proxy: str = ""


@dataclass
class Hub:
    """`repos`: repository -> branch -> path -> content. `files`: path -> content, given plainly.

    `gated` repositories want `token`, `private` ones are not there without it. `cut` lists, answer by answer, after how
    many bytes the connection breaks; `busy`, answer by answer, a status that comes instead. `most` is how many
    connections may bring bytes at once. `slow` is the pause in seconds after each 64 KB. Without `ranges` every answer
    is the whole. `etag` replaces the SHA-256 that is promised for every file.
    """

    repos: dict[str, dict[str, Files]] = field(default_factory=dict)
    files: Files = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    token: str = "secret"
    cut: list[int] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)
    most: int = 100
    slow: float = 0.0
    ranges: bool = True
    etag: str = ""
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    sent: int = 0
    at_once: int = 0
    lock: Lock = field(default_factory=Lock)

    def ranges_of(self, path: str) -> list[str]:
        """The ranges that were asked for of files whose path ends so."""
        return [asked.range for asked in self.asked if asked.method == "GET" and asked.path.endswith(path)]

    def promised(self, data: bytes) -> str:
        return self.etag or hashlib.sha256(data).hexdigest()


@contextmanager
def serving(hub: Hub, context: SSLContext | None = None) -> Iterator[Hub]:
    """The hub at `hub.url`, until the end; with TLS if there is a context for it."""
    handler = type("Answers", (_Answers,), {"hub": hub})
    server = _Server(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    hub.url = f"http{'s' * bool(context)}://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away, or do not trust us, are no news."""


class _Answers(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path, headers = unquote(urlparse(self.path).path), self.headers
        token = headers.get("Authorization", "")
        proxy = headers.get("Proxy-Authorization", "")
        asked = Asked(self.command, path, headers.get("Range", ""), token, headers.get("Host", ""), proxy)
        self.hub.asked.append(asked)
        with suppress(BrokenPipeError, ConnectionResetError):
            self._route(path)

    def _route(self, path: str) -> None:
        if path in self.hub.files:
            return self._bytes(self.hub.files[path])
        if match := re.fullmatch(r"/lfs/([^/]+/[^/]+)/([^/]+)/(.+)", path):
            return self._bytes(self.hub.repos[match[1]][match[2]][match[3]])
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(refs|revision/(.+))", path):
            return self._api(match[1], match[3])
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._resolve(match[1], match[2], match[3])
        return self._error(404, "RepoNotFound")

    def _api(self, repo: str, revision: str | None) -> None:
        branches = self.hub.repos.get(repo)
        if branches is None or (repo in self.hub.private and not self._knows()):
            return self._error(404 if self._knows() else 401, "RepoNotFound")
        if revision is None:
            refs = [{"name": name, "ref": f"refs/heads/{name}", "targetCommit": _commit(name)} for name in branches]
            return self._json({"branches": refs, "tags": [], "converts": []})
        if revision not in branches:
            return self._error(404, "RevisionNotFound")
        files = [{"rfilename": path, "size": len(data)} for path, data in branches[revision].items()]
        return self._json({"id": repo, "sha": _commit(revision), "siblings": files})

    def _resolve(self, repo: str, revision: str, path: str) -> None:
        branches = self.hub.repos.get(repo)
        if branches is None or (repo in self.hub.private and not self._knows()):
            return self._error(404 if self._knows() else 401, "RepoNotFound")
        if repo in self.hub.gated and not self._knows():
            return self._error(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        branch = next((name for name in branches if revision in (name, _commit(name))), None)
        if branch is None:
            return self._error(404, "RevisionNotFound")
        data = branches[branch].get(path)
        if data is None:
            return self._error(404, "EntryNotFound")
        facts = {"X-Repo-Commit": _commit(branch), "ETag": f'"{self.hub.promised(data)}"'}
        if not path.endswith(".gguf"):
            return self._bytes(data, facts)
        facts |= {"X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{self.hub.promised(data)}"'}
        elsewhere = self.hub.url.replace("127.0.0.1", "localhost")
        return self._head(302, 0, facts | {"Location": f"{elsewhere}/lfs/{repo}/{branch}/{path}"})

    def _knows(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.hub.token}"

    def _bytes(self, data: bytes, facts: dict[str, str] | None = None) -> None:
        kind = "text/html" if urlparse(self.path).path.endswith("/") else "application/octet-stream"
        facts = {"Content-Type": kind, "ETag": f'"{self.hub.promised(data)}"'} | (facts or {})
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")) if self.hub.ranges else None
        if self.command == "GET" and self.hub.busy and (status := self.hub.busy.pop(0)):
            return self._error(status, "Busy")
        if found and int(found[1]) >= len(data):
            return self._head(416, 0, {"Content-Range": f"bytes */{len(data)}"})
        if not found:
            return self._sent(data, 200, facts)
        start, end = int(found[1]), min(int(found[2] or len(data)) + 1, len(data))
        return self._sent(data[start:end], 206, facts | {"Content-Range": f"bytes {start}-{end - 1}/{len(data)}"})

    def _sent(self, data: bytes, status: int, facts: dict[str, str]) -> None:
        with self.hub.lock:
            crowded = self.hub.at_once >= self.hub.most
            self.hub.at_once += 1
            cut = self.hub.cut.pop(0) if self.hub.cut and len(data) > 1 and self.command == "GET" else len(data)
        try:
            if crowded:
                return self._error(429, "TooMany")
            self._head(status, len(data), facts)
            for start in range(0, cut, CHUNK) if self.command == "GET" else ():
                piece = data[start : min(start + CHUNK, cut)]
                self.wfile.write(piece)
                with self.hub.lock:
                    self.hub.sent += len(piece)
                time.sleep(self.hub.slow)
        finally:
            with self.hub.lock:
                self.hub.at_once -= 1
        return None

    def _json(self, content: Any) -> None:
        data = json.dumps(content).encode()
        self._head(200, len(data), {"Content-Type": "application/json"})
        self.wfile.write(data)

    def _error(self, status: int, code: str) -> None:
        self._head(status, 0, {"X-Error-Code": code})

    def _head(self, status: int, length: int, facts: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in facts.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def _commit(branch: str) -> str:
    return hashlib.sha1(branch.encode()).hexdigest()
