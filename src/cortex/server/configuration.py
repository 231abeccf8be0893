"""The settings in force while the server runs: shown, changed, kept in `.cortexrc`, and told to those who obey them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from cortex import config
from cortex.config import Config, Setting
from cortex.core.errors import BadRequest

MASK: Final = "..."
PASSWORD: Final = re.compile(r"(?<=:)[^:/@]*(?=@)")  # in an address, between user and host
UNSAVED: Final = Config(Path("/nonexistent/.cortexrc"), Path("/nonexistent"), Path("/nonexistent"))


class Configuration:
    """`save` writes changes (keys as in `.cortexrc`) where they last; without it they end with the server. `changed`
    are called with every new configuration."""

    def __init__(self, current: Config = UNSAVED, save: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        self.current, self._save = current, save
        self.changed: list[Callable[[Config], None]] = []

    def shown(self) -> dict[str, Any]:
        """By name; secrets only by their ends, also a password in an address."""
        return {each.name: self._shown(each) for each in config.SETTINGS}

    def change(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Change these settings, which hold at once; what they are now. `BadRequest` names what cannot be, and then
        nothing is changed. A secret that comes as it was shown stays, also one of several; null takes one back to its
        default."""
        wanted = {each: self._read(each, value) for each, value in self._known(values)}
        if not wanted:
            raise BadRequest("No configuration updated: name at least one setting", code="nothing_to_change")
        if self._save:
            self._save({each.key: each.kind.write(value) for each, value in wanted.items()})
        self.current = replace(self.current, **{each.field: value for each, value in wanted.items()})
        for tell in self.changed:
            tell(self.current)
        return {each.name: self._shown(each) for each in wanted}

    def _known(self, values: Mapping[str, Any]) -> list[tuple[Setting, Any]]:
        pairs = [(config.setting(name), value) for name, value in values.items()]
        for each, _ in pairs:
            if not each.live:
                why = f"it holds from the next start on: `cortex start --{each.name} ...`"
                raise BadRequest(f"{each.name} cannot be changed while the server runs; {why}", param=each.name)
        return [(each, value) for each, value in pairs if not self._as_shown(each, value)]

    def _as_shown(self, each: Setting, value: Any) -> bool:
        shown = self._shown(each)
        return bool(value) and value == shown != each.kind.write(getattr(self.current, each.field))

    def _read(self, each: Setting, value: Any) -> Any:
        if value is None:
            return each.default
        return each.read(self._meant(each, value) if each.secret and isinstance(value, list) else value)

    def _meant(self, each: Setting, values: list[Any]) -> list[Any]:
        """Those that come as they were shown are what they were."""
        left = list(getattr(self.current, each.field))
        meant = []
        for value in values:
            known = next((secret for secret in left if masked(secret) == value), None)
            if known is None and value == MASK:
                raise BadRequest(f"{each.name}: {MASK} is how one is shown, and it is none of those", param=each.name)
            if known is not None:
                left.remove(known)
            meant.append(value if known is None else known)
        return meant

    def _shown(self, each: Setting) -> Any:
        value = getattr(self.current, each.field)
        if each.secret:
            return [masked(one) for one in value] if each.kind.many else masked(value)
        written = each.kind.write(value)
        return PASSWORD.sub(MASK, written) if isinstance(written, str) else written


def masked(secret: str) -> str:
    """Enough to tell one secret from another, for who knows it."""
    if not secret:
        return ""
    return f"{secret[:3]}{MASK}{secret[-2:]}" if len(secret) >= 12 else MASK
