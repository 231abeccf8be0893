"""A loopback web server with one file: it knows ranges, breaks off where it is told, and speaks as much of Hugging
Face's API as `huggingface_hub` needs to find a file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Site:
    """`cut` lists, answer by answer, after how many bytes the connection breaks. `asked` are the ranges asked for."""

    path: str
    data: bytes
    cut: list[int] = field(default_factory=list)
    ranges: bool = True
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    url: str = ""


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    class Answers(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._headers(len(site.data), 200 if self.path == site.path else 404)

        def do_GET(self) -> None:
            if self.path != site.path:
                return self._headers(0, 404)
            site.asked.append(self.headers.get("Range", ""))
            site.tokens.add(self.headers.get("Authorization", ""))
            found = re.fullmatch(r"bytes=(\d+)-", site.asked[-1]) if site.ranges else None
            data = site.data[int(found[1]) :] if found else site.data
            self._headers(len(data), 206 if found else 200)
            self.wfile.write(data[: site.cut.pop(0)] if site.cut else data)
            return None

        def _headers(self, length: int, status: int) -> None:
            digest = hashlib.sha256(site.data).hexdigest()
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.send_header("ETag", f'"{digest}"')
            if found := re.search("/resolve/([^/]+)/", self.path):
                self.send_header("X-Repo-Commit", found[1])
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
