"""What a streamed chunk costs the process that speaks HTTP, by the pace at which they come. Computes no model.

    python benchmarks/chunks.py MODEL.gguf [--paces 0,5,20,45] [--chunks 300] [--rounds 5]

An engine that says a fixed text, a few bytes each so many milliseconds, stands at the model's place; of the file only
the header is read. The CPU's time for one request and for what an idle server does is taken off. Rounds go from pace to
pace: the median, with the least and the most.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cortex.engines.base import Engine, Load, Progress
from cortex.engines.scripted import Scripted

if TYPE_CHECKING:
    from servers import Server

PACE = "CORTEX_BENCH_PACE"
OURS = (
    f"{PACE}={{pace}} PYTHONPATH={{here}} {{python}} {{here}}/ours.py {{model}} --engine chunks:engine --port {{port}} "
    "--folder {folder}"
)
SIZE = 4  # bytes of a chunk: its tokens, to this engine


def engine(load: Load, progress: Progress) -> Engine:
    """What the runner's process loads."""
    said = {"replies": ["This is a text, and it goes on. "], "repeat": True, "size": SIZE}
    return Scripted(replace(load, extra=said | {"delay": float(os.environ[PACE])}), progress)


def main() -> None:
    given = options()
    with tempfile.TemporaryDirectory(prefix="cortex-bench-", ignore_cleanup_errors=True) as folder:
        servers = [server(given, Path(folder), index) for index in range(len(given.paces))]
        try:
            for one in servers:
                one.start()
            rounds = [[cost(one, given.chunks) for one in servers] for _ in range(given.rounds)]
        finally:
            for one in servers:
                one.stop()
    for pace, costs in zip(given.paces, zip(*rounds, strict=True), strict=True):
        print(f"a chunk each {pace:.0f} ms: {told(costs)} us")


def server(given: argparse.Namespace, folder: Path, index: int) -> Server:
    from servers import Arm, Server  # here: a runner imports this module, and needs no client

    where = {"model": given.model.absolute(), "port": given.port + index, "folder": folder / str(index)}
    return Server(Arm("cortex", OURS), where | {"pace": given.paces[index] / 1e3})


def cost(server: Server, chunks: int) -> float:
    from scenarios import http_cost

    body = {"messages": [{"role": "user", "content": "Hi"}], "ignore_eos": True, "max_tokens": SIZE * chunks}
    return http_cost(server, body)["HTTP CPU per chunk"]


def told(costs: Sequence[float]) -> str:
    middle, least, most = (cost * 1e6 for cost in (statistics.median(costs), min(costs), max(costs)))
    return f"{middle:.0f} ({least:.0f} to {most:.0f})"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--paces", default="0,5,20,45", help="milliseconds")
    parser.add_argument("--chunks", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=8120, help="the first of the ports to use")
    given = parser.parse_args()
    given.paces = [float(pace) for pace in given.paces.split(",")]
    return given


if __name__ == "__main__":
    main()
