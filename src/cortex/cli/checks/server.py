"""Does the server run, is it ours and of this version; else, is its port free."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cortex import __version__
from cortex.cli.api import Api
from cortex.cli.checks import Finding
from cortex.config import Config
from cortex.core.errors import CortexError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def checks(config: Config, api: Api) -> Iterator[Finding]:
    if api.alive():
        yield running(api)
    else:
        yield port(config, api)
    if config.host not in LOOPBACK and not config.api_keys:
        yield Finding(
            "API keys", "warn", f"it listens at {config.host}, and whoever reaches it may use it",
            "`cortex config --api_keys KEY`, or listen at 127.0.0.1",
        )  # fmt: skip


def running(api: Api) -> Finding:
    try:
        release = str(api.call("GET", "/openapi.json")["info"]["version"])
    except (CortexError, KeyError, TypeError):
        release = "an unknown version"
    if release != __version__:
        return Finding(
            "Server", "bad", f"the server at {api.url} is Cortex {release}, and this is {__version__}",
            "`cortex stop`, then `cortex start`",
        )  # fmt: skip
    return Finding("Server", "ok", f"Cortex {release} runs at {api.url}")


def loaded(api: Api) -> set[str]:
    """The ids of the models that the server has in memory; none where it does not tell."""
    try:
        return {str(row["id"]) for row in api.call("GET", "/inferences/server/models").get("data", [])}
    except CortexError:
        return set()


def port(config: Config, api: Api) -> Finding:
    if api.taken():
        return Finding(
            "Server", "bad", f"port {config.port} on {config.host} is taken by {_who(config.port)}",
            f"stop it, or choose another port: `cortex start --port {config.port + 1}`",
        )  # fmt: skip
    try:
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        socket.create_server((config.host, config.port), family=family).close()
    except OSError as error:
        return Finding(
            "Server", "bad", f"nobody can listen at {config.host}:{config.port}: {error.strerror}",
            "choose another: `cortex start --host 127.0.0.1 --port 39281`",
        )  # fmt: skip
    return Finding("Server", "ok", f"no server runs; port {config.port} on {config.host} is free for `cortex start`")


def _who(port: int) -> str:
    """The program that listens at this port, where the system tells; its sockets are listed by inode."""
    with suppress(OSError, StopIteration, ValueError):
        inode = next(inode for inode in _listening(port))
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            with suppress(OSError):
                if str(link.readlink()) == f"socket:[{inode}]":
                    process = link.parent.parent
                    return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return "another program"


def _listening(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]
