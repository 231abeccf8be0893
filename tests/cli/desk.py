"""A server's front desk without anything behind it: real HTTP, the routes that the command line uses, told answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

from cortex.config import read


class Raw(str):
    """What is sent as it is."""


@dataclass
class Desk:
    """`answers` by method and path: a status and JSON, event data to stream, or None: no answer. `asked`: what came.
    A route in `breaks` closes the connection in place of an answer."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    health: str = "cortex-cpp is alive!!!"
    closed: Event = field(default_factory=Event)
    breaks: set[str] = field(default_factory=set)

    def bodies(self, route: str) -> list[Any]:
        return [body for asked, body in self.asked if asked == route]


@contextmanager
def serving(desk: Desk, rc: Path) -> Iterator[Desk]:
    class Answers(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            route = f"{self.command} {self.path}"
            if route == "GET /healthz":
                return self._send(200, desk.health.encode())
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            desk.asked.append((route, json.loads(body) if body else None))
            desk.keys.add(self.headers.get("Authorization", ""))
            if route in desk.breaks:
                return None
            match desk.answers.get(route, (404, {"message": f"no answer for {route}"})):
                case (int(status), Raw() as text):
                    self._send(status, text.encode())
                case (int(status), content):
                    self._send(status, json.dumps(content).encode())
                case None:
                    desk.closed.wait()
                case events:
                    self._stream(events)
            if route == "DELETE /processManager/destroy":
                desk.closed.set()
            return None

        do_GET = do_POST = do_DELETE = do_PATCH = _answer

        def _send(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _stream(self, events: list[str]) -> None:
            self.send_response(200)
            self.end_headers()
            for event in events:
                self.wfile.write(f"data: {event}\n\n".encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", int(read(rc)["apiServerPort"])), Answers)
    serve = Thread(target=server.serve_forever, args=(0.02,))

    def close() -> None:
        desk.closed.wait()
        server.shutdown()
        server.server_close()

    closer = Thread(target=close)
    for thread in (serve, closer):
        thread.start()
    try:
        yield desk
    finally:
        desk.closed.set()
        for thread in (serve, closer):
            thread.join()


def delta(**fields: Any) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": fields, "finish_reason": None}]})
