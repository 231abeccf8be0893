"""Starts the server as a process of its own, and waits until it answers. Never stops one."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

from cortex.cli import progress, show
from cortex.cli.api import Api
from cortex.cli.state import State
from cortex.config import Config
from cortex.core.errors import CortexError
from cortex.models.lock import locked

PATIENCE = 120.0  # seconds; a cold disk and a busy machine take many
PAUSE = 0.1


def ensure(state: State, *options: str) -> bool:
    """See to it that a server runs; whether it had to be started. `options` go to it as they are."""
    api, config = state.api(), state.config()
    if api.alive():
        return False
    with locked(config.data_folder / "server.lock"):  # of two that start it at once, one does
        if api.alive():
            return False
        if api.taken():
            raise CortexError(
                f"port {config.port} on {config.host} is in use by another program (or by a server that does not "
                f"answer). Stop it, or choose another port: `cortex start --port {config.port + 1}`."
            )
        show.note("Starting server ...")
        _start(config, api, options)
    show.note("Server started")
    show.note(f"API Documentation available at: {config.url}")
    return True


def _start(config: Config, api: Api, options: tuple[str, ...]) -> None:
    config.log.parent.mkdir(parents=True, exist_ok=True)
    with config.log.open("ab") as log:
        begun = log.tell()
        server = subprocess.Popen(
            [*command(config), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # it outlives this terminal
        )
    with progress.waiting("Waiting for the server") as told:
        deadline = time.monotonic() + PATIENCE
        while not api.alive(patience=2):
            if server.poll() is not None:
                raise CortexError(f"Could not start server: {_last_line(config.log, begun)} (log: {config.log})")
            if time.monotonic() > deadline:
                server.terminate()
                raise CortexError(
                    f"Could not start server: no answer at {config.url} for {PATIENCE:.0f} seconds; last in its log: "
                    f"{_last_line(config.log, begun)} (log: {config.log})"
                )
            told(None)
            time.sleep(PAUSE)
    Thread(target=server.wait, daemon=True).start()  # so that it leaves no zombie where this process lives longer


def command(config: Config) -> list[str]:
    """The command line of the server."""
    return [
        sys.executable, "-m", "cortex.server", "--host", config.host, "--port", str(config.port),
        "--data_folder_path", str(config.data_folder), "--config_file_path", str(config.file),
    ]  # fmt: skip


def _last_line(log: Path, begun: int) -> str:
    """The last line that the log got since it was `begun` bytes long."""
    with log.open("rb") as file:
        file.seek(begun)
        lines = [line for line in file.read()[-8000:].decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it ended without a word"
