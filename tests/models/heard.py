"""A `Watch` that remembers what it was told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Heard:
    lines: list[str] = field(default_factory=list)
    progress: list[tuple[str, int, int]] = field(default_factory=list)

    def say(self, line: str) -> None:
        self.lines.append(line)

    def bytes(self, phase: str, done: int, total: int) -> None:
        self.progress.append((phase, done, total))
