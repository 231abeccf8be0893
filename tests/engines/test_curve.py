"""What small decodes cost is measured size by size while a model loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from cortex.engines.llama import curve
from cortex.engines.llama.slots import Chunk


@dataclass
class Pairs:
    """Two tokens at a time cost `pair`, a row of logits a tenth of that."""

    pair: float
    used: float = 0.0
    held: int = 0
    sizes: list[int] = field(default_factory=list)

    def decode(self, chunks: Sequence[Chunk]) -> None:
        [chunk] = chunks
        assert chunk.start == self.held == 0
        self.held = len(chunk.all)
        self.used += self.pair * ((self.held + 1) // 2 + 0.1 * (1 + len(chunk.draft)))
        self.sizes.append(self.held)

    def trim(self, lane: int, keep: int) -> bool:
        self.held = keep
        return True


def test_each_size_is_measured_by_what_was_used_for_it() -> None:
    pairs = Pairs(0.01)
    found = curve.measure(pairs, lambda: pairs.used)
    assert pairs.held == 0
    assert [size for size, _ in found.points] == sorted({1, 8, *curve.MORE})
    assert dict(found.points) == pytest.approx({n: 0.01 * ((n + 1) // 2 + 0.1 * n) for n, _ in found.points})
    assert found.row == pytest.approx(0.001)


def test_of_a_slow_model_only_the_sizes_that_tell_most_are_measured() -> None:
    pairs = Pairs(0.22)
    found = curve.measure(pairs, lambda: pairs.used)
    assert [size for size, _ in found.points] == [1, 4, 8]
    assert found.of(2) == pytest.approx(found.of(1) + (found.of(4) - found.of(1)) / 3)
