"""`python -m cortex.server`: the server as a process. The only place where its real parts are put together."""

from __future__ import annotations

import argparse
import logging
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from cortex import config
from cortex.config import Config, Flags
from cortex.core.errors import CortexError
from cortex.models.store import Store
from cortex.server.app import create_app
from cortex.server.configuration import Configuration
from cortex.server.local import LocalService
from cortex.server.site import Options, Site, origins

LEVELS = {"TRACE": logging.DEBUG, "DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING}
LEVELS["ERROR"] = logging.ERROR
GRACE = 5  # seconds that running requests get when the server is told to end


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cortex-server", description=__doc__)
    parser.add_argument("--host", help="the address to listen at")
    parser.add_argument("--port", type=int)
    parser.add_argument("--config_file_path", type=Path, help="instead of ~/.cortexrc")
    parser.add_argument("--data_folder_path", type=Path, help="where models are kept")
    parser.add_argument("--strict-fields", action="store_true", help="refuse request fields that nobody knows")
    for each in config.SETTINGS:
        if each.name not in ("host", "port"):
            parser.add_argument(f"--{each.name}", help=f"{each.about}; {each.kind.what}".replace("%", "%%"))
    parser.add_argument("--loglevel", default="INFO", type=str.upper, choices=tuple(LEVELS))
    return parser.parse_args(argv)


def options(settings: Config, *, strict_fields: bool) -> Options:
    return Options(
        api_keys=settings.api_keys,
        origins=origins(settings),
        strict_fields=strict_fields,
        patience=settings.request_timeout,
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError where the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def serve(settings: Config, sock: socket.socket, *, strict_fields: bool = False) -> None:
    """Until SIGTERM, SIGINT or `DELETE /processManager/destroy`."""

    def end() -> None:
        server.should_exit = True

    service = LocalService(Store(settings.data_folder), config=settings)
    configuration = Configuration(settings, lambda changes: config.persist(settings.file, changes))
    site = Site(service, options(settings, strict_fields=strict_fields), quit=end, configuration=configuration)
    site.downloads.configure(settings)
    server = uvicorn.Server(
        uvicorn.Config(create_app(site), log_config=None, access_log=False, timeout_graceful_shutdown=GRACE)
    )
    server.run(sockets=[sock])


def main(argv: Sequence[str] | None = None) -> int:
    given = arguments(argv)
    logging.basicConfig(level=LEVELS[given.loglevel], format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        more = {name: value for name in config.NAMED if (value := getattr(given, name)) is not None}
        flags = Flags(given.config_file_path, given.data_folder_path, given.host, given.port, more)
        settings = config.load(flags)
        sock = listen(settings.host, settings.port)
    except CortexError as error:
        return _fail(error.message)
    except OSError as error:
        return _fail(
            f"cannot listen at {settings.host}:{settings.port}: {error.strerror}. Choose another --host or --port."
        )
    logging.getLogger("cortex.server").info("Host: %s Port: %d", settings.host, settings.port)
    with sock:
        serve(settings, sock, strict_fields=given.strict_fields)
    return 0


def _fail(message: str) -> int:
    sys.stderr.write(f"cortex-server: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
