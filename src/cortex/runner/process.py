"""The operating system's side of a runner: spawn, wait, how it ended, what memory it holds. Nothing of its protocol."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

POLL = 0.01  # seconds between two looks at a process that is about to end
HINTS = {signal.SIGKILL: " (the system does this when memory runs out)"}


def spawn(sock: socket.socket) -> subprocess.Popen[bytes]:
    """A runner that holds `sock`. Raises OSError where the system has no room for one more process."""
    command = [sys.executable, "-P", "-m", "cortex.runner.child", "--fd", str(sock.fileno())]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[sock.fileno()], env=environment())


def environment() -> dict[str, str]:
    """The child finds the modules that we find, an engine named `module:Class` among them."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}


async def wait(process: subprocess.Popen[bytes], grace: float) -> int:
    """The exit code of a process that should be ending by now; after `grace` seconds it is killed.

    It looks again and again: a watcher would cost a thread per process, or work on one platform only.
    """
    deadline = asyncio.get_running_loop().time() + grace
    while (code := process.poll()) is None:
        if asyncio.get_running_loop().time() > deadline:
            process.kill()
        await asyncio.sleep(POLL)
    return code


def describe(code: int) -> str:
    """How a process ended, for people: `was ended by SIGABRT`."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code)
    except ValueError:  # a real-time signal
        return f"was ended by signal {-code}"
    return f"was ended by {name.name}{HINTS.get(name, '')}"


def resident(pid: int) -> int | None:
    """Bytes of memory that process `pid` holds; None where the system does not tell or there is no such process."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(lines["VmRSS"].split()[0]) * 1024 if "VmRSS" in lines else None  # a zombie has no such line
