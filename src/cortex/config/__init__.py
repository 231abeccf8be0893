"""Where Cortex listens, keeps its files, and how much a model may take: one frozen value. Never asks a server or a
model.

Every setting is looked up in this order: flag, environment, `.cortexrc`, default. `table.py` lists them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cortex.config.file import persist, read
from cortex.config.paths import absolute
from cortex.config.table import HOST, LOADING, NAMED, ORIGINS, PORT, SETTINGS, Setting, setting

__all__ = [
    "HOST", "LOADING", "NAMED", "ORIGINS", "PORT", "SETTINGS", "Config", "Flags", "Setting", "load", "persist", "read",
    "setting",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Config:
    """`file` is the `.cortexrc` in use, which need not exist. `data_folder` holds models, logs and the database.

    `memory_budget` is in bytes, or a fraction of the machine's memory. `memory_wait`, `request_timeout` and
    `keep_alive` are in seconds, None: for ever. `prefix_cache` is in bytes, 0: off. The settings from `ctx_len` on are
    for models whose own settings do not say otherwise.
    """

    file: Path
    data_folder: Path
    log_folder: Path
    host: str = HOST
    port: int = PORT
    enable_cors: bool = True
    allowed_origins: tuple[str, ...] = ORIGINS
    api_keys: tuple[str, ...] = ()
    huggingface_token: str = ""
    github_token: str = ""
    proxy_url: str = ""
    proxy_username: str = ""
    proxy_password: str = ""
    no_proxy: str = ""
    verify_proxy_ssl: bool = True
    verify_proxy_host_ssl: bool = True
    verify_peer_ssl: bool = True
    verify_host_ssl: bool = True
    memory_budget: int | float = 0.75
    memory_wait: float | None = 60.0
    max_waiting: int = 256
    request_timeout: float | None = 60.0
    keep_alive: float | None = 1800.0
    prefix_cache: int = 2 << 30
    ctx_len: int | None = None
    n_parallel: int | None = None
    ngl: int | None = None
    cache_type: str | None = None
    flash_attn: bool | None = None
    cpu_threads: int | None = None

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.log_folder / "logs" / "cortex.log"

    @property
    def url(self) -> str:
        """Where a client on this machine reaches the server: one that listens everywhere is reached at loopback."""
        host = {"0.0.0.0": HOST, "": HOST, "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def loading(self) -> dict[str, Any]:
        """What it says for all models, keys as in `model.yml`."""
        return {name: value for name in LOADING if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line said; None where it said nothing. `settings` are further ones, by their names."""

    file: Path | None = None
    data_folder: Path | None = None
    host: str | None = None
    port: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


def load(flags: Flags = Flags(), *, environment: Mapping[str, str] = os.environ) -> Config:
    """The configuration in force. `BadRequest` names the setting that cannot be understood."""
    file = absolute(flags.file or environment.get("CORTEX_CONFIG") or "~/.cortexrc")
    rc = read(file)
    chosen = flags.data_folder or environment.get("CORTEX_DATA_FOLDER")
    data = absolute(chosen or _text(rc, "dataFolderPath") or "~/cortexcpp")
    return Config(
        file=file,
        data_folder=data,
        # A data folder chosen from outside takes the logs along; the file's own two folders are independent.
        log_folder=data if chosen else absolute(_text(rc, "logFolderPath") or data),
        **{each.field: _value(each, _given(flags), environment, rc) for each in SETTINGS},
    )


def _given(flags: Flags) -> dict[str, Any]:
    own = {"host": flags.host, "port": flags.port}
    return {**flags.settings, **{name: value for name, value in own.items() if value is not None}}


def _value(each: Setting, given: Mapping[str, Any], environment: Mapping[str, str], rc: Mapping[str, Any]) -> Any:
    if each.name in given:
        return each.read_text(str(given[each.name]), f"--{each.name}")
    for variable in each.variables:
        if environment.get(variable):
            return each.read_text(environment[variable], variable)
    found = rc.get(each.key)
    if found is None or (found == "" and each.default is not None):
        return each.default
    return each.read(found, each.key)


def _text(rc: Mapping[str, Any], key: str) -> str:
    return str(Setting(key, key, NAMED["host"].kind, "", "a folder").read(rc.get(key) or "", key))
