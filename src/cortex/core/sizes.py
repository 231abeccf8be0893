"""Bytes, for people who read an error. Decimal, as in the settings: what says 8 GB is what `memory_budget` calls so."""


def gb(count: int) -> str:
    """`4.92 GB`; a count that would be nothing in them, in MB."""
    return f"{count / 1e9:.2f} GB" if count >= 10_000_000 else f"{count / 1e6:.2f} MB"
