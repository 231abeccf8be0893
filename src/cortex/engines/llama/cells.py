"""The books of the KV cache's pool of cells. Pure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence


class Cells:
    """Which cell is held by how many sequences."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._holders: Counter[int] = Counter()
        self._numbers = itertools.count()

    @property
    def free(self) -> int:
        return self.total - len(self._holders)

    def take(self, count: int) -> list[int]:
        cells = list(itertools.islice(self._numbers, count))
        self._holders.update(cells)
        return cells

    def alone(self, cell: int) -> bool:
        """Whether one sequence holds this cell."""
        return self._holders[cell] == 1

    def hold(self, cells: Sequence[int]) -> None:
        self._holders.update(cells)

    def drop(self, cells: Sequence[int]) -> None:
        self._holders.subtract(cells)
        for cell in cells:
            if not self._holders[cell]:
                del self._holders[cell]
