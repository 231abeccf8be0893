"""What many tools cost before the first token: planning and compiling, for 300 tools and for 1 MB of schemas. No model.

    python benchmarks/schemas.py [--tools 300] [--dialect hermes] [--rounds 5]
    python benchmarks/schemas.py --dialect all

The best of some rounds is printed, in milliseconds of processor time: with nothing known yet, and for the same tools
once more. `ready` is a part of `plan`; `all` is what a request waits for, plan and compile. Of all dialects the first
time is printed, the slowest first.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cortex.core import enforce, schema, shapes
from cortex.core.chat import Chat, Choice, Tool, User
from cortex.core.job import Job
from cortex.core.plan import plan
from cortex.core.profile import Profile
from cortex.core.ready import ready
from cortex.dialects import find, names
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


MARKS = "<|im_start|> <|im_end|> <|endoftext|> <|fim_prefix|> <|fim_middle|> <tool_call> </tool_call>".split()  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Costs:
    """Milliseconds: schemas made ready, the whole plan (with it), the grammar compiled; the grammar's characters."""

    ready: float
    plan: float
    compile: float
    size: int

    @property
    def all(self) -> float:
        return self.plan + self.compile


def tool(number: int, draw: random.Random, words: int) -> Tool:
    """A tool with five to eight properties; `words` lengthen the descriptions."""
    names = [f"{draw.choice(WORDS)}_{index}" for index in range(draw.randint(5, 8))]
    properties = {name: {**draw.choice(KINDS), "title": "a word " * words} for name in names}
    parameters = {"type": "object", "properties": properties, "required": names[:3]}
    return Tool(f"tool_{number}", "Does a thing.", parameters)


def timed(act: Callable[[], object]) -> tuple[float, Any]:
    start = time.process_time()
    result = act()
    return (time.process_time() - start) * 1000, result


def forget() -> None:
    """What was made for earlier requests."""
    schema.KNOWN.clear()
    for made in enforce.MADE.values():
        made.clear()
    shapes.name.cache_clear()


def measured(chat: Chat, profile: Profile, grammars: Grammars, before: Callable[[], None]) -> Costs:
    before()
    prepared, _ = timed(lambda: ready(chat, profile.dialect.notation))
    before()
    planned, made = timed(lambda: plan(chat, profile, datetime(2026, 1, 1)))
    job: Job = made.job
    compiled, _ = timed(lambda: grammars.compile(job.grammar or ""))
    return Costs(prepared, planned, compiled, len(job.grammar or ""))


def rounds(tools: Sequence[Tool], mode: Any, profile: Profile, count: int) -> list[tuple[Costs, Costs]]:
    """Each round: with nothing known, and once more."""
    found = []
    for _ in range(count):
        chat, grammars = Chat((User("Hi"),), tuple(tools), Choice(mode)), Grammars(byte_tokenizer())
        found.append((measured(chat, profile, grammars, forget), measured(chat, profile, grammars, lambda: None)))
    return found


def report(title: str, found: list[tuple[Costs, Costs]]) -> None:
    for name, costs in (("first", [one for one, _ in found]), ("again", [other for _, other in found])):
        best = [min(getattr(cost, key) for cost in costs) for key in ("ready", "plan", "compile", "all")]
        print(f"{title:46} {name:6} {' '.join(f'{value:8.1f}' for value in best)} {costs[0].size:10}")


def known(name: str) -> Profile:
    specials = {mark: number for number, mark in enumerate(MARKS)}
    return Profile("bench", "{{ messages[0].content }}", find(name), specials)


def every(tools: Sequence[Tool], count: int) -> None:
    """What these tools cost in each dialect, with nothing known."""
    for mode in ("required", "auto"):
        found = {name: rounds(tools, mode, known(name), count) for name in names()}
        best = {name: min((first for first, _ in each), key=lambda cost: cost.all) for name, each in found.items()}
        print(f"{len(tools)} tools, {mode:14} {'plan':>8} {'compile':>8} {'all':>8}")
        for name, cost in sorted(best.items(), key=lambda pair: -pair[1].all):
            print(f"  {name:24} {cost.plan:8.1f} {cost.compile:8.1f} {cost.all:8.1f}")
        print(f"  {'median':24} {'':17} {statistics.median(cost.all for cost in best.values()):8.1f}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tools", type=int, default=300)
    parser.add_argument("--dialect", default="hermes")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    draw = random.Random(7)
    some = [tool(number, draw, 0) for number in range(args.tools)]
    if args.dialect == "all":
        every(some, args.rounds)
        return
    profile = known(args.dialect)
    large = [tool(number, draw, 70) for number in range(args.tools)]
    wide = {f"property_{number}": draw.choice(KINDS) for number in range(1500)}
    one = [Tool("wide", "Does a thing.", {"type": "object", "properties": wide})]
    print(f"{'':46} {'':6} {'ready':>8} {'plan':>8} {'compile':>8} {'all':>8} {'grammar':>10}")
    for title, tools in ((f"{args.tools} tools", some), ("with long descriptions", large), ("1500 properties", one)):
        size = len(json.dumps([tool.parameters for tool in tools]))
        for mode in ("required", "auto"):
            report(f"{title} ({size // 1000} kB), {mode}", rounds(tools, mode, profile, args.rounds))


if __name__ == "__main__":
    main()
