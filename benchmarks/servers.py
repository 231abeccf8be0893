"""A server under test: started from a command line, or one that runs elsewhere. Only the command knows which it is."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import machine
from client import Client, Json, Reply

HERE = Path(__file__).resolve().parent
START = 300.0  # seconds that a server gets to answer, its model loaded
OURS = "{python} {here}/ours.py {model} --port {port} --folder {folder} --context {context} --parallel {parallel}"
PEER = "{python} {here}/peer.py {model} --port {port} --cells {cells} --parallel {parallel}"


class Unanswered(Exception):
    """A server did not answer a request, or answered with an error."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A name for the report and where the server is: a URL (with `http`), or a command line in which `{model}`,
    `{port}`, `{folder}`, `{context}`, `{cells}`, `{parallel}`, `{python}`, `{here}` are filled in. `NAME=VALUE` before
    the command is its environment."""

    name: str
    where: str

    @property
    def runs(self) -> bool:
        """Whether it is a server that somebody else started."""
        return self.where.startswith("http")


@dataclass(slots=True)
class Server:
    """`arm`, with its places in the command filled in from `places`."""

    arm: Arm
    places: dict[str, Any]
    _process: subprocess.Popen[bytes] | None = None
    _client: Client | None = None
    _model: str = ""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Until it answers a chat of one token: then its model is loaded."""
        if not self.arm.runs:
            self._spawn()
        url = (
            self.arm.where.removesuffix("/").removesuffix("/v1") if self.arm.runs else f"http://127.0.0.1:{self._port}"
        )
        self._client = Client(url)
        deadline = time.monotonic() + START
        while not self._answers():
            if self._process and self._process.poll() is not None:
                raise SystemExit(f"{self.arm.name} ended with {self._process.returncode}: see {self._log}")
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.arm.name} does not answer at {url}")
            time.sleep(0.2)

    def stop(self) -> None:
        if self._client:
            self._client.close()
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = self._client = None

    def ask(self, body: Json, *, stream: bool = True) -> Reply:
        assert self._client, "it is not started"
        try:
            return self._client.ask({"model": self._model, "temperature": 0} | body, stream=stream)
        except httpx.HTTPError as error:
            raise Unanswered(f"{self.arm.name}: {error!r}; its log is {self._log}") from error

    def http_cpu(self) -> float | None:
        """Seconds of CPU of the process that listens, where the model is computed in another one."""
        return machine.cpu(self.pid) if self.pid and len(machine.tree(self.pid)) > 1 else None

    def cpu(self) -> float:
        """Seconds of CPU of all its processes so far; 0 where they are not ours to see."""
        return sum(map(machine.cpu, machine.tree(self.pid))) if self.pid else 0.0

    def memory(self) -> int:
        """Bytes at its peak; 0 where its processes are not ours to see."""
        return machine.peak(self.pid) if self.pid else 0

    @property
    def _port(self) -> int:
        return int(self.places["port"])

    @property
    def _log(self) -> Path:
        return Path(self.places["folder"]).with_suffix(".log")

    def _spawn(self) -> None:
        line = self.arm.where.format(python=sys.executable, here=HERE, **self.places)
        words = shlex.split(line)
        first = next(i for i, word in enumerate(words) if "=" not in word)
        environment = os.environ | dict(word.split("=", 1) for word in words[:first])
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                words[first:], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )

    def _answers(self) -> bool:
        assert self._client
        try:
            self._model = self._client.model()
            self.ask({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}, stream=False)
        except (Unanswered, httpx.HTTPError, KeyError, IndexError):
            return False
        return True
