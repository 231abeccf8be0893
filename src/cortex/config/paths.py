"""Paths as people write them."""

from __future__ import annotations

import os
from pathlib import Path


def absolute(written: str | Path) -> Path:
    """The whole path; `~` is the user's home and `~name` somebody's. As in a shell, one of nobody is a name like any
    other."""
    return Path(os.path.expanduser(written)).absolute()  # noqa: PTH111 (pathlib's raises for nobody's home)
