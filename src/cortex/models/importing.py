"""A GGUF file that is already on this machine -> a model of the store, under any id. Never copies or moves the file."""

from __future__ import annotations

from pathlib import Path

from cortex.core.errors import BadRequest
from cortex.models import gguf
from cortex.models.store import Model, Store, valid


def add(store: Store, id: str, path: Path) -> Model:
    """Import the file at `path` as `id`. `BadRequest` where the id is taken or the file is not a readable GGUF."""
    valid(id)
    if store.has(id):
        raise BadRequest(f"there is already a model {id}; delete it first, or choose another id", param="model_id")
    file = path.expanduser().absolute()
    header = gguf.read(file)
    return store.add(Model(id, file, header.size, source=str(file)))
