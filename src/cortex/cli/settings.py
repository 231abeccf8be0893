"""The settings of `cortex.config` as options of commands, and their values as they go into `.cortexrc` and requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cortex.cli.misuse import values_of_the_command_line
from cortex.cli.options import Row
from cortex.config.kinds import TEXT
from cortex.config.table import LOADING, MOST, SETTINGS, Setting, setting

# The original's spellings of `cortex start`, where they are not the setting's name.
OTHERS: Final[Mapping[str, tuple[str, ...]]] = {
    "port": ("-p",),
    "huggingface_token": ("--hf-token",),
    "github_token": ("--gh-token",),
    "allowed_origins": ("--origins",),
    "verify_proxy_ssl": ("--verify-proxy",),
    "verify_proxy_host_ssl": ("--verify-proxy-host",),
    "verify_peer_ssl": ("--verify-ssl-peer",),
    "verify_host_ssl": ("--verify-ssl-host",),
}


def about(setting: Setting) -> str:
    """`The port to listen at: a port number (1 to 65535).`"""
    what = "" if setting.kind is TEXT else f": {setting.kind.what.replace(f' to {MOST}', '')}"
    return f"{setting.about[0].upper()}{setting.about[1:]}{what}."


START: Final = {each.name: Row(about(each), OTHERS.get(each.name, ())) for each in SETTINGS}
CONFIG: Final = {each.name: Row(about(each)) for each in SETTINGS}
LOAD: Final = {each.name: Row(about(each)) for each in SETTINGS if each.name in (*LOADING, "keep_alive")}


def values(given: Mapping[str, str]) -> dict[str, Any]:
    """What was given as JSON can hold it, by name. `Misuse` names the option that cannot be understood."""
    with values_of_the_command_line():
        read = {name: setting(name).read_text(text, f"--{name}") for name, text in given.items()}
    return {name: setting(name).kind.write(value) for name, value in read.items()}


def keyed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same by the keys of `.cortexrc`."""
    return {setting(name).key: value for name, value in values.items()}
