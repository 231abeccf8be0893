"""Asks the server to load a model and shows how far it is. Never loads one itself."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait

from cortex.cli import show
from cortex.cli.api import Api, Down, Refused, segment
from cortex.core.errors import CortexError

PAUSE = 0.25  # seconds between two looks at how far it is


def load(api: Api, id: str, *, context: int | None = None) -> None:
    """Load the model `id` with `context` tokens a request (None: as its settings say); returns when it answers.

    Raises `CortexError` with the server's own words.
    """
    body = {"model": id} | ({"ctx_len": context} if context else {})
    with ThreadPoolExecutor(1) as pool, show.waiting(f"Loading {id}") as told:
        loaded = pool.submit(api.call, "POST", "/v1/models/start", body, patience=None)
        while not wait([loaded], timeout=PAUSE).done:
            told(_fraction(api, id))
    _check(loaded)


def _check(loaded: Future[dict[str, object]]) -> None:
    try:
        loaded.result()
    except Refused as error:
        raise CortexError(f"Failed to start model: {error.message}") from error


def done(id: str) -> str:
    return f"{id} model started successfully. Use `cortex run {id}` for interactive chat shell"


def _fraction(api: Api, id: str) -> float | None:
    """How far it is; None where the server cannot tell."""
    try:
        done = api.call("GET", f"/v1/models/status/{segment(id)}", patience=2).get("progress")
    except (Refused, Down):  # not begun yet, or busy; the request that loads will say if it is more than that
        return None
    return float(done) if isinstance(done, int | float) else None
