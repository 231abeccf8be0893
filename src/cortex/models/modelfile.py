"""`model.yml`, as the original wrote it beside every model. Written for people and other tools; never read back yet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import yaml


def write(target: Path, id: str, model: Path, size: int, created: int, settings: Mapping[str, Any]) -> None:
    """Write `target` whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    general = {"id": id, "model": id, "name": id, "version": 1, "files": [str(model)], "size": size}
    content = {**general, "created": created, "object": "model", "engine": "llama-cpp", **settings}
    with NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, prefix=".model.", delete=False) as out:
        yaml.safe_dump(content, out, sort_keys=False, allow_unicode=True)
    Path(out.name).replace(target)
