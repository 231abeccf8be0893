"""What many tools cost before the first token: planning and compiling, for 300 tools and for 1 MB of schemas. No model.

    python benchmarks/schemas.py [--tools 300] [--dialect hermes] [--rounds 5]

The best of some rounds is printed, in milliseconds: with nothing known yet, and for the same tools once more.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cortex.core import schema
from cortex.core.chat import Chat, Choice, Tool, User
from cortex.core.job import Job
from cortex.core.plan import plan
from cortex.core.profile import Profile
from cortex.core.ready import ready
from cortex.dialects import find
from cortex.engines.constraint import Grammars, byte_tokenizer

WORDS = "user file start limit query target colour mode region amount".split()  # noqa: SIM905
KINDS: list[Any] = [
    {"type": "string", "description": "What it is about, in a few words."},
    {"type": "integer", "minimum": 0, "maximum": 100},
    {"type": "string", "enum": ["low", "medium", "high"]},
    {"type": "array", "items": {"type": "string"}},
    {"type": "boolean", "default": False},
    {"type": "object", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}, "required": ["lat"]},
    {"anyOf": [{"type": "string"}, {"type": "null"}]},
    {"type": "string", "format": "date-time"},
]


@dataclass(frozen=True, slots=True)
class Costs:
    """Milliseconds: schemas made ready, the whole plan (with it), the grammar compiled; the grammar's characters."""

    ready: float
    plan: float
    compile: float
    size: int


def tool(number: int, draw: random.Random, words: int) -> Tool:
    """A tool with five to eight properties; `words` lengthen the descriptions."""
    names = [f"{draw.choice(WORDS)}_{index}" for index in range(draw.randint(5, 8))]
    properties = {name: {**draw.choice(KINDS), "title": "a word " * words} for name in names}
    parameters = {"type": "object", "properties": properties, "required": names[:3]}
    return Tool(f"tool_{number}", "Does a thing.", parameters)


def timed(act: Callable[[], object]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = act()
    return (time.perf_counter() - start) * 1000, result


def measured(chat: Chat, profile: Profile, grammars: Grammars) -> Costs:
    prepared, _ = timed(lambda: ready(chat, profile.dialect.notation))
    planned, made = timed(lambda: plan(chat, profile, datetime(2026, 1, 1)))
    job: Job = made.job
    compiled, _ = timed(lambda: grammars.compile(job.grammar or ""))
    return Costs(prepared, planned, compiled, len(job.grammar or ""))


def rounds(tools: Sequence[Tool], mode: Any, profile: Profile, count: int) -> list[tuple[Costs, Costs]]:
    """Each round: with nothing known, and once more."""
    found = []
    for _ in range(count):
        schema.known.cache_clear()
        chat, grammars = Chat((User("Hi"),), tuple(tools), Choice(mode)), Grammars(byte_tokenizer())
        found.append((measured(chat, profile, grammars), measured(chat, profile, grammars)))
    return found


def report(title: str, found: list[tuple[Costs, Costs]]) -> None:
    for name, costs in (("first", [one for one, _ in found]), ("again", [other for _, other in found])):
        best = [min(getattr(cost, key) for cost in costs) for key in ("ready", "plan", "compile")]
        print(f"{title:28} {name:6} {best[0]:8.1f} {best[1]:8.1f} {best[2]:8.1f} {costs[0].size:10}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tools", type=int, default=300)
    parser.add_argument("--dialect", default="hermes")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    profile = Profile("bench", "{{ messages[0].content }}", find(args.dialect), {})
    draw = random.Random(7)
    some = [tool(number, draw, 0) for number in range(args.tools)]
    large = [tool(number, draw, 70) for number in range(args.tools)]
    print(f"{'':28} {'':6} {'ready':>8} {'plan':>8} {'compile':>8} {'grammar':>10}")
    for title, tools in ((f"{args.tools} tools", some), ("with long descriptions", large)):
        size = len(json.dumps([tool.parameters for tool in tools]))
        for mode in ("required", "auto"):
            report(f"{title} ({size // 1000} kB), {mode}", rounds(tools, mode, profile, args.rounds))


if __name__ == "__main__":
    main()
