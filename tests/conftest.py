"""Weights for the tests that are marked `model`: found in a folder of yours, or pulled once with Cortex's own means.

CORTEX_TEST_MODELS names the folder (default: ~/.cache/cortex-test-models); `smollm2.gguf`, `qwen05.gguf` and
`qwen15.gguf` in it are taken as they are. CORTEX_TEST_DATA names the folder of test data from the field (default:
`../shared/data` beside the checkout); the tests that replay it are skipped where it is missing.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.capture import CaptureManager
from hypothesis import settings

# No test may depend on speed.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# A shell that starts tests in the background lets them ignore Ctrl-C, and so all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command line that was run in this process has said what is logged; the next test says so itself."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for handler in [each for each in root.handlers if type(each) is logging.StreamHandler and each not in handlers]:
        root.removeHandler(handler)


class Telling:
    """Says on the terminal, past pytest's capture, why a test takes minutes: its weights are on their way."""

    def __init__(self, model: str, capture: CaptureManager) -> None:
        self.model, self.capture = model, capture

    def say(self, line: str) -> None:
        with self.capture.global_and_fixture_disabled():
            print(f"\n[{self.model}] {line}", flush=True)  # noqa: T201

    def bytes(self, phase: str, done: int, total: int) -> None:
        if done == total:
            self.say(f"{phase}: {done / 1e6:.0f} MB done")


Weights = Callable[[str, str], Path]


@pytest.fixture(scope="session")
def weights(pytestconfig: pytest.Config) -> Weights:
    folder = Path(os.environ.get("CORTEX_TEST_MODELS") or "~/.cache/cortex-test-models").expanduser().absolute()
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert isinstance(capture, CaptureManager)

    def find(file: str, model: str) -> Path:
        if (ready := folder / file).exists():
            return ready
        from cortex.models.pull import pull  # here, so that the core's tests run without the rest
        from cortex.models.store import Store

        return pull(Store(folder), model, Telling(model, capture)).path

    return find


@pytest.fixture(scope="session")
def smollm2(weights: Weights) -> Path:
    """SmolLM2-135M-Instruct: quick, knows no tools; for mechanics."""
    return weights("smollm2.gguf", "smollm2:135m")


@pytest.fixture(scope="session")
def qwen_coder_05(weights: Weights) -> Path:
    """Qwen2.5-Coder-0.5B-Instruct: the smallest that makes real calls."""
    return weights("qwen05.gguf", "qwen2.5-coder:0.5b")


@pytest.fixture(scope="session")
def qwen_coder_15(weights: Weights) -> Path:
    """Qwen2.5-Coder-1.5B-Instruct: what `make run` talks to."""
    return weights("qwen15.gguf", "qwen2.5-coder:1.5b")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the field's test data, which is not part of the project."""
    return find_shared_data() or pytest.skip("the field's test data is not here")


def find_shared_data() -> Path | None:
    named = os.environ.get("CORTEX_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None
