"""Runs command lines at real terminals and in real pipes: each in a process of its own, forked off this one.

This one has imported everything and started no thread, so a command costs milliseconds. It reads an order a line
(JSON) and answers with a line: `{"code": 0, "out": "...", "err": "..."}`.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import sys
import tempfile
import termios
import time
from typing import Any

PATIENCE = 60.0  # seconds that a command gets
CTRL_C = "\x03"
# A prompt is on the screen before `input` listens for signals: a Ctrl-C in between is noticed with the next key only.
# Nobody is as fast as that; where it befalls this one all the same, it presses again, as anybody would.
REACTION, AGAIN = 0.1, 10.0  # seconds


def perform(order: dict[str, Any]) -> dict[str, Any]:
    at_a_terminal = "columns" in order
    return _terminal(order) if at_a_terminal else _piped(order)


def _terminal(order: dict[str, Any]) -> dict[str, Any]:
    """All that came, terminal sequences and all, as `out`. `typed` are pairs: when this has come, type that."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 200, order["columns"], 0, 0))
        _command(order)
    said, seen, typed, keys = b"", 0, list(order["typed"]), ""
    heard = time.monotonic()
    deadline = heard + PATIENCE
    while time.monotonic() < deadline:
        while typed and (at := said.find(typed[0][0].encode(), seen)) >= 0:
            expected, keys = typed.pop(0)
            seen = at + len(expected.encode())
            _press(terminal, keys)
        if not select.select([terminal], [], [], 0.1)[0]:
            if keys == CTRL_C and time.monotonic() > heard + AGAIN:
                heard = time.monotonic()
                _press(terminal, keys)
            continue
        try:
            said += os.read(terminal, 1 << 16)
        except OSError:  # nobody has the other end any more
            break
        heard = time.monotonic()
    else:
        os.kill(child, 9)
        said += f"\n[killed: it waits for {typed}]".encode()
    os.close(terminal)
    return {"code": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "out": said.decode(), "err": ""}


def _press(terminal: int, keys: str) -> None:
    if keys == CTRL_C:
        time.sleep(REACTION)
    os.write(terminal, keys.encode())


def _piped(order: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(order["given"].encode())
        given.seek(0)
        child = os.fork()
        if child == 0:
            os.setsid()  # no terminal at all
            for number, file in enumerate((given, out, err)):
                os.dup2(file.fileno(), number)
            _command(order)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return {"code": code, "out": texts[0], "err": texts[1]}


def _command(order: dict[str, Any]) -> None:
    """Be `cortex`, and end."""
    from cortex.cli.main import main

    code: Any = 70
    try:
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (a descriptor)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
        sys.argv = ["cortex", *order["arguments"]]
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException as error:  # noqa: BLE001 (it is told, and the process ends)
        sys.stderr.write(f"it breaks down: {error!r}\n")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def _ready() -> None:
    """Import what commands import."""
    import rich.progress  # noqa: F401


if __name__ == "__main__":
    _ready()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(perform(json.loads(line))) + "\n")
        sys.stdout.flush()
