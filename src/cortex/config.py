"""Where Cortex listens and keeps its files: one frozen value. Reads `.cortexrc`; never asks a server or a model.

Every setting is looked up in this order: flag, environment, `.cortexrc`, default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import yaml

from cortex.core.errors import BadRequest

HOST, PORT = "127.0.0.1", 39281
ORIGINS = tuple(f"http://{host}:{PORT}" for host in ("localhost", "127.0.0.1", "0.0.0.0"))


@dataclass(frozen=True, slots=True)
class Config:
    """`file` is the `.cortexrc` in use, which need not exist. `data_folder` holds models, logs and the database."""

    file: Path
    data_folder: Path
    log_folder: Path
    host: str = HOST
    port: int = PORT
    enable_cors: bool = True
    allowed_origins: tuple[str, ...] = ORIGINS
    api_keys: tuple[str, ...] = ()
    huggingface_token: str = ""

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.log_folder / "logs" / "cortex.log"

    @property
    def url(self) -> str:
        """Where a client on this machine reaches the server: one that listens everywhere is reached at loopback."""
        host = {"0.0.0.0": HOST, "": HOST, "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line said; None where it said nothing."""

    file: Path | None = None
    data_folder: Path | None = None
    host: str | None = None
    port: int | None = None


def load(flags: Flags = Flags(), *, environment: Mapping[str, str] = os.environ) -> Config:
    """The configuration in force. `BadRequest` names the setting that cannot be understood."""
    file = _path(flags.file or environment.get("CORTEX_CONFIG") or "~/.cortexrc")
    rc = read(file)
    chosen = flags.data_folder or environment.get("CORTEX_DATA_FOLDER")
    data = _path(chosen or _text(rc, "dataFolderPath") or "~/cortexcpp")
    return Config(
        file=file,
        data_folder=data,
        # A data folder chosen from outside takes the logs along; the file's own two folders are independent.
        log_folder=data if chosen else _path(_text(rc, "logFolderPath") or data),
        host=flags.host or environment.get("CORTEX_HOST") or _text(rc, "apiServerHost") or HOST,
        port=_port(flags, environment, rc),
        enable_cors=_switch(rc, "enableCors", default=True),
        allowed_origins=_texts(rc, "allowedOrigins", default=ORIGINS),
        api_keys=_texts(rc, "apiKeys", default=()),
        huggingface_token=_text(rc, "huggingFaceToken"),
    )


def read(file: Path) -> dict[str, Any]:
    """What a `.cortexrc` says; {} where there is none. The original wrote a byte order mark; it is skipped."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadRequest(f"the configuration file {file} cannot be read: {_one_line(error)}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BadRequest(f"the configuration file {file} must be a list of `key: value` lines")
    return content


def persist(file: Path, changes: Mapping[str, Any]) -> None:
    """Write `changes` (keys as in `.cortexrc`) into the file; every other key in it, known to us or not, stays."""
    content = {**read(file), **changes}
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, prefix=f"{file.name}.", delete=False) as out:
        yaml.safe_dump(content, out, sort_keys=False, allow_unicode=True)
    Path(out.name).replace(file)


def _path(value: str | Path) -> Path:
    return Path(value).expanduser().absolute()


def _port(flags: Flags, environment: Mapping[str, str], rc: Mapping[str, Any]) -> int:
    if flags.port is not None:
        return _checked_port("--port", flags.port)
    if "CORTEX_PORT" in environment:
        return _checked_port("CORTEX_PORT", environment["CORTEX_PORT"])
    return _checked_port("apiServerPort", rc.get("apiServerPort", PORT))


def _checked_port(name: str, value: Any) -> int:
    try:
        port = int(str(value))
    except ValueError:
        port = -1
    if not 0 < port < 65536:
        raise BadRequest(f"{name} must be a port number (1 to 65535), not {value!r}", param=name)
    return port


def _text(rc: Mapping[str, Any], key: str) -> str:
    value = rc.get(key)
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise BadRequest(f"{key} in the configuration file must be a text, not {value!r}", param=key)
    return str(value)


def _texts(rc: Mapping[str, Any], key: str, *, default: tuple[str, ...]) -> tuple[str, ...]:
    value = rc.get(key, default)
    if not isinstance(value, list | tuple) or any(isinstance(item, dict | list) for item in value):
        raise BadRequest(f"{key} in the configuration file must be a list of texts, not {value!r}", param=key)
    return tuple(str(item) for item in value)


def _switch(rc: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = rc.get(key, default)
    if not isinstance(value, bool):
        raise BadRequest(f"{key} in the configuration file must be true or false, not {value!r}", param=key)
    return value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
