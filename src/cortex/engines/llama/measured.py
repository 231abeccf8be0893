"""What was measured of a model on this machine, kept on disk: its next load measures nothing.

A small file of JSON each; one that cannot be read counts as never written. No failure of the disk fails a load.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Final

from cortex.engines.llama.warm import Speed
from cortex.engines.llama.worth import Costs

logger = logging.getLogger(__name__)

MOST: Final = 64  # files; those used longest ago go first
THREADS: Final = 1024  # no machine has more for us


def recalled(folder: Path, name: str, measure: Callable[[], Speed]) -> Speed:
    """What the file of this name says, or what is measured now; that is kept where the cores were free."""
    file = folder / f"{name}.json"
    if known := _read(file):
        return known
    found = measure()
    if found.calm:
        _write(file, found)
    return found


def _read(file: Path) -> Speed | None:
    try:
        (one, more), costs = json.loads(file.read_bytes())
        known = Speed(int(one), int(more), Costs(*map(float, costs)))
        os.utime(file)
    except (OSError, ValueError, TypeError):
        return None
    right = all(0 < count <= THREADS for count in (known.one, known.more))
    return known if right and all(0 <= cost < math.inf for cost in astuple(known.costs)) else None


def _write(file: Path, speed: Speed) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps([(speed.one, speed.more), astuple(speed.costs)]))
        new.replace(file)
        for old in sorted(file.parent.glob("*.json"), key=lambda one: one.stat().st_mtime)[:-MOST]:
            old.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("what was measured cannot be kept in %s: %s", file.parent, error.strerror or error)
