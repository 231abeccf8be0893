"""A model whose one file says how it speaks, and whose other file what it says next: one process plays many parts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from cortex.engines.base import Engine, Load, Progress
from cortex.engines.scripted import Scripted


class Prompted(Scripted):
    __slots__ = ()

    def _reply(self) -> bytes:
        return whispered(Path(self.load.path)).read_bytes()


def engine(load: Load, progress: Progress) -> Engine:
    return Prompted(replace(load, extra=json.loads(Path(load.path).read_text())), progress)


def whispered(script: Path) -> Path:
    return script.with_suffix(".reply")
