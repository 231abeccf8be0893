"""Cortex as a harness starts it: one model of its own in a folder of its own, in the foreground.

    python benchmarks/ours.py MODEL.gguf --port 8091 --folder /tmp/cortex-bench [--context 8192] [--parallel 8]

The folder may be one that was used before: then its caches are warm.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cortex.models import importing
from cortex.models.store import Store
from cortex.server import __main__ as server

NAME = "bench"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", type=Path)
    options.add_argument("--folder", type=Path, required=True)
    options.add_argument("--port", type=int, default=8091)
    options.add_argument("--context", type=int, default=8192, help="tokens a request")
    options.add_argument("--parallel", type=int, default=8)
    options.add_argument("--threads", type=int, default=0, help="0: Cortex chooses")
    options.add_argument("--engine", default="llama", help="another one to say something at the model's place")
    given = options.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    os.environ["CORTEX_CONFIG"] = str(given.folder / ".cortexrc")  # nobody's own settings
    store = Store(given.folder)
    if not store.has(NAME):
        importing.add(store, NAME, given.model)
    settings = {"ctx_len": given.context, "n_parallel": given.parallel, "cpu_threads": given.threads}
    store.update(NAME, settings | {"engine": given.engine})
    return server.main(["--port", str(given.port), "--data_folder_path", str(given.folder), "--loglevel", "WARN"])


if __name__ == "__main__":
    sys.exit(main())
