"""An engine for tests that does what each prompt orders, also what no engine should do. It holds no weights."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from cortex.core.errors import BadRequest, LoadError, NoRoom, TooLong
from cortex.core.job import Failure, Job, Piece, Segment, Usage
from cortex.engines.base import Load, Progress

HEAVY = ("numpy", "llguidance", "cffi", "xllamacpp", "pydantic", "fastapi")


def job(order: str) -> Job:
    return Job((Segment(order),))


def load(how: str = "well", **extra: object) -> Load:
    return Load(path="puppet.gguf", engine="puppet:Puppet", context=77, extra={"how": how, **extra})


class Puppet:
    def __init__(self, load: Load, progress: Progress) -> None:
        self.context = load.context or 1
        self.jobs: dict[int, str] = {}
        self.size = int((load.extra or {}).get("size", 1000))
        if file := (load.extra or {}).get("pid_file"):
            Path(file).write_text(str(os.getpid()))
        self.journal = (load.extra or {}).get("journal")
        self.note("open")
        progress(0.25)
        match (load.extra or {}).get("how"):
            case "abort":
                os.abort()
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "broken":
                raise LoadError("puppet.gguf is no model: pull it again")
            case "short":  # of memory, as often as the file says
                file = Path(str((load.extra or {})["short"]))
                left = int(file.read_text()) if file.exists() else 0
                file.write_text(str(left - 1))
                if left > 0:
                    raise NoRoom("too little memory is free")
            case "bug":
                raise ValueError("a bug in the engine")
            case "hang":
                time.sleep(600)
            case "noisy":
                os.write(1, b"\x00\x00\x00\x05noise on stdout\n")

    @property
    def busy(self) -> bool:
        return bool(self.jobs)

    def submit(self, number: int, job: Job) -> None:
        match "".join(segment.text for segment in job.prompt):
            case "refuse":
                raise BadRequest("the grammar does not compile", param="tools.0.function", code="bad_grammar")
            case "too long":
                raise TooLong("9 tokens do not fit into 8", param="messages")
            case "trip":
                raise ZeroDivisionError("a bug in submit")
            case "count":
                self.jobs[number] = f"say {len(self.jobs)}"
            case "imports":
                self.jobs[number] = "say " + " ".join(name for name in HEAVY if name in sys.modules)
            case order:
                self.jobs[number] = order

    def step(self) -> list[Piece | Failure]:
        return [result for number, order in list(self.jobs.items()) for result in self.obey(number, order)]

    def obey(self, number: int, order: str) -> list[Piece | Failure]:
        match order.split(" ", 1):
            case ["say", text]:
                return [self.say(number, text)]
            case ["endless"]:
                time.sleep(0.001)
                return [Piece(number, b".")]
            case ["hold", file]:  # for as long as the file is there, as native code may
                while Path(file).exists():
                    time.sleep(0.001)
                return [self.say(number, "held")]
            case ["stumble"]:
                raise ValueError("a bug in step")
            case ["jam"]:  # cannot be got rid of
                self.cancel = lambda number: None  # type: ignore[method-assign]
                raise ValueError("a bug in every step")
            case ["fail", whose]:
                del self.jobs[number]
                return [Piece(number, b"so far"), Failure(number, "it failed", client=whose == "client")]
            case ["abort"]:
                os.abort()
            case _:
                raise AssertionError(f"the puppet does not know {order!r}")

    def say(self, number: int, text: str) -> Piece:
        head, rest = text[: self.size], text[self.size :]
        if rest:
            self.jobs[number] = f"say {rest}"
            return Piece(number, head.encode())
        del self.jobs[number]
        return Piece(number, head.encode(), "stop", Usage(prompt=1, completion=2))

    def cancel(self, number: int) -> None:
        self.jobs.pop(number, None)

    def close(self) -> None:
        if self.journal:
            time.sleep(0.3)  # time enough for a successor that does not wait to be noted first
        self.note("close")

    def note(self, what: str) -> None:
        if self.journal:
            with Path(self.journal).open("a") as journal:
                journal.write(f"{what} ")
