"""What small decodes cost is measured size by size while a model loads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import pytest

from cortex.engines.llama import curve
from cortex.engines.llama.flow import Chunk


@dataclass
class Pairs:
    """Two tokens at a time cost `pair`, a row of logits a tenth of that, and each token `cell` for each one before it.
    Cells are their positions."""

    pair: float
    cell: float = 0.0
    cells: int = 100
    copies: bool = True
    used: float = 0.0
    held: list[list[int]] = field(default_factory=lambda: [[], [], []])
    disturbed: Collection[int] = ()  # decodes, counted from one, that cost 0.2 more
    decodes: int = 0

    def decode(self, chunks: Sequence[Chunk]) -> None:
        [chunk] = chunks
        count, held = len(chunk.all), self.held[chunk.lane]
        assert chunk.start == max(held, default=-1) + 1
        self.used += self.pair * ((count + 1) // 2 + 0.1 * (1 + len(chunk.draft))) + self.cell * count * len(held)
        self.decodes += 1
        self.used += 0.2 * (self.decodes in self.disturbed)
        held += range(chunk.start, chunk.start + count)
        assert sum(map(len, self.held)) <= self.cells

    def trim(self, lane: int, keep: int) -> bool:
        self.held[lane] = [position for position in self.held[lane] if position < keep]
        return True

    def share(self, source: int, target: int, length: int) -> None:
        self.held[target] += [position for position in self.held[source] if position < length]

    def state(self, lane: int, length: int) -> bytearray:
        return bytearray(position for position in self.held[lane] if position < length)

    def restore(self, lane: int, state: bytearray) -> bool:
        self.held[lane] = list(state) if self.copies else []
        return self.copies


def test_each_size_is_measured_by_what_was_used_for_it() -> None:
    pairs = Pairs(0.01)
    found = curve.measure(pairs, lambda: pairs.used)
    assert pairs.held == [[], [], []]
    assert [size for size, _ in found.points] == sorted({1, 8, *curve.MORE})
    assert dict(found.points) == pytest.approx({n: 0.01 * ((n + 1) // 2 + 0.1 * n) for n, _ in found.points})
    assert (found.row, found.cell) == (pytest.approx(0.001), 0)


def test_of_a_slow_model_only_the_sizes_that_tell_most_are_measured() -> None:
    pairs = Pairs(0.2)
    found = curve.measure(pairs, lambda: pairs.used)
    assert [size for size, _ in found.points] == [1, 2, 4, 8]
    assert found.of(3) == pytest.approx((found.of(2) + found.of(4)) / 2)


def test_of_a_very_slow_model_nothing_is_measured_twice() -> None:
    pairs = Pairs(1.0, cell=1e-3, cells=4096)
    found = curve.measure(pairs, lambda: pairs.used)
    assert [size for size, _ in found.points] == [1, 2, 4, 8]
    assert found.cell == pytest.approx(1e-3)
    assert pairs.decodes == curve.NEEDED + 2, "what is copied, and what is behind that"


@pytest.mark.parametrize("cells", [1100, 16_384])
def test_what_tokens_pay_for_those_before_them_is_measured_behind_copies_of_a_few(cells: int) -> None:
    pairs = Pairs(0.01, cell=1e-5, cells=cells)
    assert curve.measure(pairs, lambda: pairs.used).cell == pytest.approx(1e-5)
    assert pairs.held == [[], [], []]


def test_where_nothing_can_be_copied_attention_is_taken_to_cost_nothing() -> None:
    pairs = Pairs(0.01, cell=1e-5, cells=16_384, copies=False)
    assert curve.measure(pairs, lambda: pairs.used).cell == 0
    assert pairs.held == [[], [], []]


def test_decodes_that_were_disturbed_do_not_count() -> None:
    """Those that follow each other are disturbed together."""
    calm = Pairs(0.01, cell=1e-5, cells=4096)
    want = curve.measure(calm, lambda: calm.used)
    pairs = replace(calm, used=0.0, decodes=0, disturbed=(1, 2, 3, calm.decodes))
    found = curve.measure(pairs, lambda: pairs.used)
    assert dict(found.points) == pytest.approx(dict(want.points))
    assert (found.row, found.cell) == pytest.approx((want.row, want.cell))


def test_caches_in_which_tokens_are_measured_alike_are_told_from_those_that_are_too_small() -> None:
    assert [curve.deep(cells) for cells in (512, 1022, 1024, 2048, 4096, 32_768)] == [0, 0, 512, 1024, 2048, 2048]


def test_one_token_on_fewer_threads_is_told_in_the_time_of_all() -> None:
    pairs, half = Pairs(0.01), Pairs(0.01)
    want, found = curve.measure(pairs, lambda: pairs.used), curve.measure(half, lambda: half.used, spread=2.0)
    assert found.of(1) == pytest.approx(2 * want.of(1))
    assert dict(found.points[1:]) == pytest.approx(dict(want.points[1:]))
