"""Members in a row, of which some may be missing, as a rule of a grammar. Never any format.

The engine walks the rules of a grammar recursively, and a few thousand within each other overflow its stack; each line
costs, too. So a row is one rule where it is short, and where it is long a tree of such.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from cortex.core.lark import Lark

SHORT = 16  # members


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
    shown = [more(key) if key in required else out.optional(more(key)) for key in keys[1:]]
    must = next((at for at, key in enumerate(keys) if key in required), len(keys))
    between, rest = tails(out, shown[:must]), tails(out, shown[must:])(0)
    ways = [f"{first(key)} {between(at)}" for at, key in enumerate(keys[: must + 1])]
    if must == len(keys):
        return out.rule(" | ".join([*(f"{way} {end}" for way in ways), empty]))
    return out.rule(f"( {' | '.join(ways)} ) {rest} {end}" if must else f"{ways[0]} {rest} {end}")


def tails(out: Lark, rules: Sequence[str]) -> Callable[[int], str]:
    """Of these rules, which follow each other: what stands from one place on."""
    if len(rules) <= SHORT:
        return lambda at: " ".join(rules[at:])
    middle = len(rules) // 2
    before, behind = tails(out, rules[:middle]), tails(out, rules[middle:])
    second = out.rule(behind(0))
    return lambda at: behind(at - middle) if at >= middle else f"{before(at)} {second}"
