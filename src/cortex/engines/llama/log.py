"""llama.cpp's own log lines: passed on to Python's logging, and kept for a moment to explain a failure."""

from __future__ import annotations

import functools
import logging
from collections import deque
from typing import Any

from cortex.engines.llama.abi import LOG_CONTINUES, LOG_ERROR, LOG_WARN, ffi, load

logger = logging.getLogger(__name__)

# Its warnings are notes to those who convert models. Its errors come back to us as a failed call, and are raised then.
LEVELS = {LOG_ERROR: logging.INFO, LOG_WARN: logging.INFO}


class Log:
    """Joins llama.cpp's fragments to lines. `errors` are the last lines of level error, oldest first."""

    def __init__(self) -> None:
        self.errors: deque[str] = deque(maxlen=20)
        self._level, self._line = 0, ""

    def hear(self, level: int, text: str) -> None:
        if level != LOG_CONTINUES:
            self._level = level
        *lines, self._line = (self._line + text).split("\n")
        for line in filter(None, map(str.strip, lines)):
            self._keep(line)

    def _keep(self, line: str) -> None:
        logger.log(LEVELS.get(self._level, logging.DEBUG), "%s", line)
        if self._level == LOG_ERROR:
            self.errors.append(line)


@functools.cache
def listen() -> Log:
    """The one log of this process's library, listening from the first call on."""
    log = Log()
    load().llama_log_set(_callback(log), ffi.NULL)
    return log


@functools.cache  # llama.cpp keeps only the address: the callback must live as long as the process
def _callback(log: Log) -> Any:
    def hear(level: int, text: Any, _: Any) -> None:
        log.hear(level, ffi.string(text).decode(errors="replace"))

    return ffi.callback("void(int, const char *, void *)", hear)
