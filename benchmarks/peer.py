"""llama-server as a peer: the one inside the pinned xllamacpp wheel, on loopback, in a process of its own.

    python benchmarks/peer.py MODEL.gguf [--port 8090] [--cells 16384] [--parallel 8] [--threads 0]
    python benchmarks/guide.py --base-url http://127.0.0.1:8090/v1

The same build of llama.cpp, the same file and the same number of threads as ours; one KV cache for all requests, as
ours. Its OpenMP threads wait as ours do, which beside other processes is ten times as fast as libgomp's own default;
OMP_WAIT_POLICY or GOMP_SPINCOUNT in the environment choose another way. Everything else is its own default.
"""

from __future__ import annotations

import argparse
import os
import time

from cortex.engines.llama import waiting

waits = waiting.waits()  # before OpenMP is loaded

import xllamacpp  # type: ignore[import-untyped]  # noqa: E402


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model")
    options.add_argument("--port", type=int, default=8090)
    options.add_argument("--cells", type=int, default=8192, help="tokens in the KV cache, for all requests together")
    options.add_argument("--parallel", type=int, default=1)
    options.add_argument("--threads", type=int, default=0, help="0: one for each core")
    given = options.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = given.model
    params.port = given.port
    params.n_ctx = given.cells
    params.n_parallel = given.parallel
    params.kv_unified = True
    params.use_jinja = True
    threads = given.threads or len(os.sched_getaffinity(0))
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    print(f"llama-server listens at {server.listening_address}", flush=True)
    while True:
        time.sleep(waiting.EVERY)
        if waits:
            waits.look(threads)


if __name__ == "__main__":
    main()
