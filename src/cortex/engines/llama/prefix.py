"""How many tokens two sequences begin with alike. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

FIRST: Final = 16  # tokens that are compared first


def common(one: Sequence[object], other: Sequence[object]) -> int:
    """How many tokens both begin with: in steps that double, so that few take little however long both are."""
    known, step, most = 0, FIRST, min(len(one), len(other))
    while known + step <= most and one[known : known + step] == other[known : known + step]:
        known, step = known + step, 2 * step
    most = min(known + step - 1, most)
    while known < most:
        middle = (known + most + 1) // 2
        if one[known:middle] == other[known:middle]:
            known = middle
        else:
            most = middle - 1
    return known
