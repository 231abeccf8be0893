"""The server's client. On http.client, which is imported in 10 ms: most commands are one small request.

Never goes through a proxy: the server is on this machine, or was named by whoever configured it.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote, urlsplit

from cortex.core.errors import CortexError


class Down(CortexError):
    """Nobody answers where the server should be."""

    code = "server_down"


class Refused(CortexError):
    """The server answered with an error; the message is its own."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.answer = status


@dataclass(frozen=True, slots=True)
class Api:
    """The server at `url`. `key` is sent where API keys are set."""

    url: str
    key: str = ""

    def alive(self, patience: float = 5) -> bool:
        """Whether a Cortex server answers there, and not some other program."""
        try:
            with closing(self._connect(patience)) as connection, self._ask(connection, "GET", "/healthz") as answer:
                return answer.status == 200 and b"cortex" in answer.read(1000).lower()
        except Down:
            return False

    def taken(self) -> bool:
        """Whether anything at all listens there."""
        connection = self._connect(5)
        try:
            connection.connect()
        except OSError:
            return False
        connection.close()
        return True

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, patience: float | None = 30
    ) -> dict[str, Any]:
        """The JSON that the server answers. Raises `Down` or `Refused`. `patience` in seconds; None waits for ever."""
        with closing(self._connect(patience)) as connection, self._ask(connection, method, path, body) as answer:
            return _content(answer.status, self._read(answer))

    def stream(self, path: str, body: Mapping[str, Any]) -> Generator[dict[str, Any], None, None]:
        """The JSON of each server-sent event until `[DONE]`. Closing the iterator ends the request."""
        with closing(self._connect(None)) as connection, self._ask(connection, "POST", path, body) as answer:
            if answer.status != 200:
                _content(answer.status, self._read(answer))
            for line in self._lines(answer):
                if line == b"data: [DONE]":
                    return
                if line.startswith(b"data:"):
                    yield _event(line[5:])

    def _lines(self, answer: HTTPResponse) -> Iterator[bytes]:
        try:
            for line in answer:
                yield line.rstrip(b"\r\n")
        except (OSError, HTTPException) as error:
            raise Down(f"the server at {self.url} broke the connection: {_why(error)}") from error

    def _connect(self, patience: float | None) -> HTTPConnection:
        place = urlsplit(self.url)
        return HTTPConnection(place.hostname or "", place.port, timeout=patience)

    def _ask(
        self, connection: HTTPConnection, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> HTTPResponse:
        """The answer, which the caller closes: one that ends with its connection keeps the socket for itself."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            return connection.getresponse()
        except (OSError, HTTPException) as error:
            raise Down(
                f"the server at {self.url} does not answer ({_why(error)}); start it with `cortex start`"
            ) from error

    def _read(self, answer: HTTPResponse) -> bytes:
        try:
            return answer.read()
        except (OSError, HTTPException) as error:
            raise Down(f"the server at {self.url} broke the connection: {_why(error)}") from error


def segment(id: str) -> str:
    """A model's id as part of a path, where `:` and `/` stand as they are."""
    return quote(id, safe=":/@")


def _content(status: int, data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except ValueError:
        raise Refused(f"the answer, of status {status}, is not JSON: is that a Cortex server?", status=status) from None
    if not 200 <= status < 300:
        raise Refused(message(content) or f"the server answered with status {status}", status=status)
    return content if isinstance(content, dict) else {"data": content}


def _event(data: bytes) -> dict[str, Any]:
    """One event; one that carries an error raises it: a reply may fail after its status has been sent."""
    event = json.loads(data)
    if "error" in event:
        raise Refused(message(event), status=500)
    return dict(event)


def message(content: Any) -> str:
    """The text of an error body: the flat `message`, else OpenAI's, else what FastAPI calls `detail`."""
    match content:
        case {"message": str(text)} | {"error": {"message": str(text)}} | {"error": str(text)} | {"detail": str(text)}:
            return text
    return ""


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
