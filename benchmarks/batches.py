"""What a decode of 1 to 32 tokens costs: with logits at every position, as a draft needs them, and at the last only.

    python benchmarks/batches.py MODEL.gguf [--rounds 5] [--threads N] [--depth 200] [--others 0]

Milliseconds, behind a prompt of so many tokens, beside so many cells that others hold: the median and the least of some
rounds. The draft tuner (engines/llama/worth.py) goes by some of these sizes, which engines/llama/curve.py measures at a
model's first load.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict

from cortex.engines.llama import machine
from cortex.engines.llama.context import Context, Shape
from cortex.engines.llama.flow import Chunk, Flow
from cortex.engines.llama.guess import NOTHING, Tries
from cortex.engines.llama.model import Model, Settings

SIZES = (1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32)
DEPTH = 200  # tokens in the cache before
STEP = 512  # of them decoded at once


def chunk(tokens: int, depth: int, *, every: bool) -> Chunk:
    rest = tokens - 1
    tried = Tries([0] * rest, [False] * rest) if every and rest else NOTHING
    return Chunk(Flow(0, []), 0, depth, [0] * (1 if every else tokens), last=True, draft=tried)


def timed(context: Context, one: Chunk) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    context.decode([one])
    took = time.perf_counter() - began
    context.trim(0, one.start)
    return took * 1e3


def fill(context: Context, lane: int, tokens: int) -> None:
    for start in range(0, tokens, STEP):
        context.decode([Chunk(Flow(0, []), lane, start, [0] * min(STEP, tokens - start), last=False)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=machine.threads())
    parser.add_argument("--depth", type=int, default=DEPTH)
    parser.add_argument("--others", type=int, default=0)
    given = parser.parse_args()
    model = Model(Settings(given.model), lambda fraction: None)
    context = Context(model, Shape(given.depth + given.others + 1024, 2, given.threads, rows=max(SIZES)))
    fill(context, 1, given.others)
    fill(context, 0, given.depth)
    found: dict[tuple[int, bool], list[float]] = defaultdict(list)
    for _ in range(given.rounds):
        for size in SIZES:
            for every in (True, False):
                found[size, every].append(timed(context, chunk(size, given.depth, every=every)))
    for every in (True, False):
        print(f"{'every position' if every else 'the last only'} ({given.threads} threads)")
        for size in SIZES:
            times = found[size, every]
            print(f"  {size:3} tokens {statistics.median(times):6.0f} ms, least {min(times):6.0f}")
    context.close()
    model.close()


if __name__ == "__main__":
    main()
