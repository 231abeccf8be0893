"""A GGUF file that is already on this machine -> a model of the store: used where it lies, or copied into the store."""

from __future__ import annotations

from pathlib import Path
from threading import Event

from cortex.config.paths import absolute
from cortex.core.errors import BadRequest
from cortex.models import gguf
from cortex.models.catalogue import Catalogue
from cortex.models.names import Local, id_of
from cortex.models.pull import Silent, Watch, pull
from cortex.models.store import Model, Store, valid

NOTHING = Catalogue({})


def add(
    store: Store,
    id: str | None,
    path: Path,
    *,
    copy: bool = False,
    watch: Watch | None = None,
    cancel: Event | None = None,
) -> Model:
    """Import the file at `path` as `id`; None takes the file's own name. Of a split model, `path` is the first part.

    Without `copy` the file stays where it is and nobody's but its owner's; a copy is ours, and `delete` removes it.
    `BadRequest` where the id is another model's or one of its further names, or the file is not a readable GGUF.
    """
    file = absolute(path)
    id = valid(id if id is not None else id_of(Local(file)) or "")
    if store.has(id):
        raise BadRequest(f"there is already a model {id}; delete it first, or choose another id", param="model")
    store.check_free(id)
    header = gguf.read(file)
    if copy:
        return pull(store, str(file), watch or Silent(), catalogue=NOTHING, id=id, cancel=cancel)
    return store.add(Model(id, file, header.size, source=str(file)))
