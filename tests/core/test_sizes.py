"""How bytes are written in errors."""

from __future__ import annotations

from cortex.core.sizes import gb


def test_bytes_are_written_in_gb_and_little_ones_in_mb() -> None:
    assert [gb(count) for count in (4_920_734_976, 10_000_000, 9_999_999, 0)] == [
        "4.92 GB",
        "0.01 GB",
        "10.00 MB",
        "0.00 MB",
    ]
