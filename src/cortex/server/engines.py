"""The one engine that is built in, in the words of the original's engine routes. It is never installed or removed."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any, Final

from cortex.core.errors import BadRequest, NotFound

NAME: Final = "llama-cpp"
NAMES: Final = (NAME, "cortex.llamacpp")
PACKAGE: Final = "xllamacpp"


def engine(name: str) -> dict[str, Any]:
    """The engine of this name, or `NotFound`."""
    if name not in NAMES:
        raise NotFound(
            f"there is no engine {name}: the only one is {NAME}, which is built in. Remote engines are not there: "
            "clients ask their providers themselves",
            param="name",
            code="engine_not_found",
        )
    return {"engine": NAME, "name": variant(), "variant": variant(), "version": version(PACKAGE), "type": "local"}


def variant() -> str:
    return f"{platform.system().lower()}-{platform.machine().lower()}"


def fixed(name: str, wanted: str | None, kind: str | None = None) -> dict[str, Any]:
    """The engine, where `wanted` is None or its own version, and `kind` None or its own variant. `BadRequest` for any
    other: it comes with cortex."""
    found = engine(name)
    if kind is not None and kind != found["variant"]:
        raise BadRequest(
            f"variant: {NAME} {found['variant']} is built in; another llama.cpp is named with CORTEX_LLAMA_LIBRARY",
            param="variant",
            code="engine_built_in",
        )
    if wanted is not None and wanted.removeprefix("v") != found["version"]:
        raise BadRequest(
            f"version: {NAME} {found['version']} is built in and comes with cortex; another version comes with another "
            "release of cortex",
            param="version",
            code="engine_built_in",
        )
    return found


def part(name: str) -> BadRequest:
    """The refusal to remove it."""
    return BadRequest(f"{engine(name)['engine']} is a part of cortex and cannot be uninstalled", code="engine_built_in")
