"""The client libraries' own environments, which `make clients` fills."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def worlds() -> Path:
    """The folder with an environment for each major version of `openai`."""
    folder = ROOT / ".venv-clients"
    if not (folder / "installed").exists():
        pytest.fail("the client libraries are not installed: `make clients` does it")
    return folder
