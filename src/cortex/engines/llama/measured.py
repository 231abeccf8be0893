"""What was measured of a model on this machine, kept on disk: its next load measures nothing.

A small file of JSON each; one that cannot be read counts as never written. No failure of the disk fails a load.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

from cortex.engines.llama.warm import Speed
from cortex.engines.llama.worth import Costs, Curve

logger = logging.getLogger(__name__)

MOST: Final = 64  # files; those used longest ago go first
LEAST: Final = 2  # sizes that a curve goes through
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
        (one, more), costs, points, row, cell = json.loads(file.read_bytes())
        known = Speed(int(one), int(more), Costs(*map(float, costs)), curve=_curve(points, row, cell))
        os.utime(file)
    except (OSError, ValueError, TypeError):
        return None
    right = all(0 < count <= THREADS for count in (known.one, known.more))
    return known if right and all(0 <= cost < math.inf for cost in astuple(known.costs)) else None


def _curve(points: Sequence[Sequence[Any]], row: Any, cell: Any) -> Curve | None:
    """ValueError where it can be none."""
    if not points:
        return None
    sizes, costs = [int(size) for size, _ in points], [float(cost) for _, cost in points]
    if sizes[0] != 1 or len(sizes) < LEAST or sizes != sorted(set(sizes)):
        raise ValueError(f"no curve goes through {sizes}")
    if not all(0 <= cost < math.inf for cost in (*costs, float(row), float(cell))):
        raise ValueError(f"nothing costs {costs}")
    return Curve(tuple(zip(sizes, costs, strict=True)), float(row), float(cell))


def _write(file: Path, speed: Speed) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}")
        curve = astuple(speed.curve) if speed.curve else ((), 0.0, 0.0)
        new.write_text(json.dumps([(speed.one, speed.more), astuple(speed.costs), *curve]))
        new.replace(file)
        for old in sorted(file.parent.glob("*.json"), key=lambda one: one.stat().st_mtime)[:-MOST]:
            old.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("what was measured cannot be kept in %s: %s", file.parent, error.strerror or error)
