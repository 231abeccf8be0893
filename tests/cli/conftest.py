"""The command line as a user has it, in a home of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.desk import Desk, serving
from cortex.cli.main import main
from cortex.config import persist


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


Cortex = Callable[..., Done]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a `.cortexrc` that names a free port."""
    for name in [name for name in os.environ if name.startswith("CORTEX_")]:
        monkeypatch.delenv(name)
    with socket.create_server(("127.0.0.1", 0)) as free:
        persist(tmp_path / "rc", {"apiServerPort": free.getsockname()[1], "dataFolderPath": str(tmp_path / "data")})
    return tmp_path


@pytest.fixture
def cortex(home: Path, capfd: pytest.CaptureFixture[str]) -> Cortex:
    """Run a command line; what it printed, and its exit code."""

    def run(*arguments: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(["--config_file_path", str(home / "rc"), *arguments])
        code = ended.value.code
        return Done(code if isinstance(code, int) else int(code is not None), *capfd.readouterr())

    return run


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    """A server that answers as a Cortex server does, at the port of `home`."""
    with serving(Desk(), home / "rc") as desk:
        yield desk
