"""Engines for the play: models that say the same every time."""

from __future__ import annotations

from dataclasses import replace

from cortex.core.load import Load
from cortex.engines.base import Progress
from cortex.engines.scripted import Scripted

CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'


class Polite(Scripted):
    """Says good day."""

    def __init__(self, load: Load, progress: Progress) -> None:
        super().__init__(replace(load, extra={"replies": ["Good day to you."], "repeat": True}), progress)


class Caller(Scripted):
    """Calls a tool, and tells what came of it."""

    def __init__(self, load: Load, progress: Progress) -> None:
        super().__init__(replace(load, extra={"replies": [CALL, "It is sunny."], "repeat": True}), progress)


class Endless(Scripted):
    """Does not come to an end by itself."""

    def __init__(self, load: Load, progress: Progress) -> None:
        script = {"replies": ["and so on " * 700], "repeat": True, "delay": 0.05}
        super().__init__(replace(load, extra=script), progress)
