"""One stage for a file of tests; each test brings its own models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from acting import Stage, staged


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("data")) as stage:
        yield stage
