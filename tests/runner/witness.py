"""What the tests of runners look with: a reply read, a thing that must come, a process that must have gone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from puppet import job

from cortex.runner.parent import Runner, Ticket

Start = Callable[..., Awaitable[Runner]]
PATIENCE = 30  # seconds; only a failing test waits for so long


async def read(ticket: Ticket) -> str:
    return b"".join([piece.data async for piece in ticket]).decode()


async def ask(runner: Runner, order: str) -> str:
    return await read(await runner.submit(job(order)))


async def eventually(happens: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if happens():
                return
            await asyncio.sleep(0.005)


def gone(pid: int) -> bool:
    """No such process, or only its exit code is left, which init may be slow to collect."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return True
    except FileNotFoundError:  # a system without /proc, or it went between the two looks
        return Path("/proc/self/stat").exists()
    return state in "ZX"
