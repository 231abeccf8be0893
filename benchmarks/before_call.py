"""What the grammar of many tools costs while a reply is still words: the same tokens with it and without a grammar.

    python benchmarks/before_call.py MODEL.gguf [--tools 300] [--tokens 64] [--rounds 12]

The engine says the same reply in turn under the grammar of `tool_choice: "auto"` and without any. The prompt is the
same short one for both, without the tools in it: in a long one each token takes longer, and a grammar's share is
smaller. Nothing is drafted: both decode one token a step. A round's figure is the median of its steps, in time and in
CPU of the engine's thread, which knows nothing of what else this machine does.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from cortex.core.chat import Chat, Choice, Sampling, Tool, User
from cortex.core.job import Failure, Job
from cortex.core.plan import plan
from cortex.core.profile import Profile
from cortex.engines.base import Load
from cortex.engines.llama.engine import Llama
from cortex.models import importing
from cortex.models.open import opened
from cortex.models.store import Store

QUESTION = "Tell me in plain words, as one long story, how a lighthouse keeper spends a winter."
ACTS = ("open", "close", "start", "stop")


def main() -> None:
    given = options()
    with tempfile.TemporaryDirectory(prefix="cortex-bench-") as folder:
        store = Store(Path(folder))
        importing.add(store, "bench", given.model)
        profile = opened(store, "bench").profile
    engine = Llama(Load(str(given.model), context=2048, parallel=1, extra={"lookup": False}), lambda fraction: None)
    try:
        compare(engine, profile, given)
    finally:
        engine.close()


def compare(engine: Llama, profile: Profile, given: argparse.Namespace) -> None:
    jobs = [job(profile, given, count) for count in (given.tools, 0)]
    warm = [said(engine, one) for one in jobs]  # the grammar is compiled, the prompt in the cache
    if warm[0][0] != warm[1][0]:
        raise SystemExit(f"the two say different things: {warm[0][0]!r} and {warm[1][0]!r}")
    print(f"{given.tokens} tokens each: {warm[0][0][:60].decode(errors='replace')!r} ...")
    rounds = [[said(engine, one)[1] for one in jobs] for _ in range(given.rounds)]
    for index, name in enumerate(("time", "CPU")):
        pairs = [(auto[index], free[index]) for auto, free in rounds]
        auto, free = (statistics.median(values) * 1e3 for values in zip(*pairs, strict=True))
        ratios = [auto / free for auto, free in pairs]
        told = f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        print(f"{name}: {given.tools} tools {auto:.2f} ms a token, no grammar {free:.2f} ms, {told}")


def job(profile: Profile, given: argparse.Namespace, tools: int) -> Job:
    """With the grammar of so many tools; without any, with none."""
    sampling = Sampling(temperature=0)
    now = datetime(2026, 1, 1)
    plain = plan(Chat((User(QUESTION),), sampling=sampling), profile, now).job
    chat = Chat((User(QUESTION),), tuple(map(tool, range(tools))), Choice("auto"), sampling=sampling)
    grammar = plan(chat, profile, now).job.grammar if tools else None
    return replace(plain, grammar=grammar, hints=(), max_tokens=given.tokens, ignore_eos=True)


def tool(number: int) -> Tool:
    parameters = {"type": "object", "properties": {"room": {"type": "string"}}, "required": ["room"]}
    return Tool(f"{ACTS[number % len(ACTS)]}_{number}", "Does something in a room.", parameters)


def said(engine: Llama, one: Job) -> tuple[bytes, tuple[float, float]]:
    """The whole reply, and a step's seconds at the median: its time, and its CPU of this thread."""
    engine.submit(0, one)
    text, steps, ended = b"", list[tuple[float, float]](), False
    while not ended:
        began, spent = time.perf_counter(), time.thread_time()
        pieces = engine.step()
        steps.append((time.perf_counter() - began, time.thread_time() - spent))
        for piece in pieces:
            if isinstance(piece, Failure):
                raise SystemExit(piece.message)
            text, ended = text + piece.data, piece.finish is not None
    seconds, cpu = map(statistics.median, zip(*steps, strict=True))
    return text, (seconds, cpu)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--tools", type=int, default=300)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=12)
    return parser.parse_args()


if __name__ == "__main__":
    main()
