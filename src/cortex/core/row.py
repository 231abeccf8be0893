"""Members in a row, of which some may be missing, as a rule of a grammar. Never any format.

The engine walks the rules of a grammar recursively, and a few thousand within each other overflow its stack; each line
costs, too. So a row is one rule where it is short, and where it is long a tree of such.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from cortex.core.lark import Lark

SHORT = 8  # members


def row(
    out: Lark,
    keys: Sequence[str],
    required: Collection[str],
    first: Callable[[str], str],
    more: Callable[[str], str],
    *,
    end: str = "",
    empty: str = "",
) -> str:
    """The rule of these members in this order, with `end` after them; `empty` where there are none. `first` and `more`
    give what a member looks like where it comes first, and where it follows others."""
    shown = ["", *(more(key) if key in required else out.optional(more(key)) for key in keys[1:])]
    must = next((at for at, key in enumerate(keys) if key in required), len(keys))

    def every(low: int, high: int) -> str:
        """Those from one place to another, where others stand before them."""
        if high - low <= SHORT:
            return " ".join(shown[low:high])
        middle = (low + high) // 2
        return out.rule(f"{every(low, middle)} {every(middle, high)}")

    def some(low: int, high: int) -> str:
        """At least one of those from one place to another, with none before it."""
        if high - low <= SHORT:
            return " | ".join(f"{first(keys[at])} {' '.join(shown[at + 1 : high])}" for at in range(low, high))
        middle = (low + high) // 2
        return f"{out.rule(some(low, middle))} {every(middle, high)} | {out.rule(some(middle, high))}"

    if must == len(keys):
        return out.rule(f"( {some(0, must)} ) {end} | {empty}" if keys else empty)
    led = some(0, must + 1)
    return out.rule(f"{f'( {led} )' if must else led} {every(must + 1, len(keys))} {end}")
