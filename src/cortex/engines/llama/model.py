"""A GGUF file -> a llama_model, or a LoadError that says what is wrong and what to do. Decodes nothing."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cortex.core.errors import LoadError, NoRoom
from cortex.core.sizes import gb
from cortex.engines.base import Progress
from cortex.engines.llama import abi, log, machine
from cortex.engines.llama.abi import ffi
from cortex.engines.llama.vocabulary import Vocabulary

# What llama.cpp says of a file that it cannot load, and what there is to do about it.
NEWER: Final = "this version of llama.cpp cannot read it; a newer version of cortex may"
MEMORY: Final = "there is too little memory; use a smaller model, or a smaller context"
REMEDIES: Final = {
    "unknown model architecture": NEWER,
    "unknown pre-tokenizer type": NEWER,
    "only supports up to version": NEWER,
    "allocate": MEMORY,
    "out of memory": MEMORY,
}
DAMAGED: Final = "the file is damaged or incomplete; delete it and get it again"
RESERVE: Final = 256 << 20  # bytes for what is neither weights nor KV cache: compute buffers, vocabulary, Python


@dataclass(frozen=True, slots=True)
class Settings:
    path: str
    gpu_layers: int = -1
    check_memory: bool = True


class Model:
    """The weights. `context` is the most tokens it was trained for; `rewinds` says whether a sequence can be cut short.

    `cell` is how many numbers one token is in the KV cache, 0 where it is not known beforehand. `pooling` (enum
    llama_pooling_type) is how its tokens' vectors become one; `causal` is false where tokens also look at later ones.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self._settings, self._available = settings, machine.available_memory()
        self.lib = abi.load()
        self._demand(_check_file(settings.path), "weights")
        self.pointer = _load(self.lib, settings, progress)
        if self.lib.llama_model_has_encoder(self.pointer) or not self.lib.llama_model_has_decoder(self.pointer):
            self.close()
            raise LoadError(f"{settings.path} is not a model that continues text: it cannot chat")
        self.vocabulary = Vocabulary(self.lib, self.lib.llama_model_get_vocab(self.pointer))
        self.context: int = self.lib.llama_model_n_ctx_train(self.pointer)
        stateful = self.lib.llama_model_is_recurrent(self.pointer) or self.lib.llama_model_is_hybrid(self.pointer)
        self.rewinds = not stateful
        self.cell = 0 if stateful else self._cell()
        architecture = self._meta("general.architecture")
        self.pooling = int(self._meta(f"{architecture}.pooling_type") or abi.POOLING_NONE)
        self.causal = self._meta(f"{architecture}.attention.causal") != "false"

    def check_cache(self, cells: int, cache_type: str) -> None:
        """NoRoom where weights and a KV cache of so many cells will not fit into memory."""
        cache = int(cells * self.cell * abi.CACHE_TYPES[cache_type][1])
        self._demand(self.lib.llama_model_size(self.pointer) + cache, f"weights and {cells} tokens' cache")

    def close(self) -> None:
        self.lib.llama_model_free(self.pointer)

    def _demand(self, bytes: int, what: str) -> None:
        if not self._settings.check_memory or self._available is None or self.offloads:
            return
        if bytes + RESERVE > self._available:
            raise NoRoom(
                f"{Path(self._settings.path).name} needs about {gb(bytes + RESERVE)} of memory ({what}) and "
                f"{gb(self._available)} is free: close other programs, or use a smaller model or context"
            )

    @property
    def offloads(self) -> bool:
        """Whether a GPU takes (part of) the weights: then its memory counts, and llama.cpp says when it is short."""
        devices = (self.lib.ggml_backend_dev_get(i) for i in range(self.lib.ggml_backend_dev_count()))
        return self._settings.gpu_layers != 0 and any(
            self.lib.ggml_backend_dev_type(device) in abi.DEVICES_GPU for device in devices
        )

    def _cell(self) -> int:
        """Keys and values of one token in all layers."""
        lib, pointer = self.lib, self.pointer
        width = lib.llama_model_n_embd(pointer) // max(1, lib.llama_model_n_head(pointer))
        architecture = self._meta("general.architecture")
        keys, values = (
            int(self._meta(f"{architecture}.attention.{name}_length") or width) for name in ("key", "value")
        )
        return int(lib.llama_model_n_layer(pointer) * lib.llama_model_n_head_kv(pointer) * (keys + values))

    def _meta(self, key: str) -> str:
        buffer = ffi.new("char[]", 256)
        length = self.lib.llama_model_meta_val_str(self.pointer, key.encode(), buffer, 256)
        value: bytes = b"" if length < 0 else ffi.string(buffer)
        return value.decode(errors="replace")


def _check_file(path: str) -> int:
    """The file's size. LoadError where it is not there or plainly no GGUF."""
    try:
        with Path(path).open("rb") as file:
            magic = file.read(4)
            size = file.seek(0, 2)
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror or error}") from error
    if magic != b"GGUF":
        raise LoadError(f"{path} is not a GGUF file: it begins with {magic!r}")
    return size


def _load(lib: Any, settings: Settings, progress: Progress) -> Any:
    log.listen().errors.clear()
    params = lib.llama_model_default_params()
    params.n_gpu_layers = settings.gpu_layers
    with _reporting(progress) as callback:
        params.progress_callback = callback
        pointer = lib.llama_model_load_from_file(settings.path.encode(), params)
    if pointer == ffi.NULL:
        raise LoadError(f"{settings.path} cannot be loaded: {reason()}")
    return pointer


@contextlib.contextmanager
def _reporting(progress: Progress) -> Iterator[Any]:
    """A callback for llama.cpp that tells `progress`. What `progress` raises ends the load and is raised at the end."""
    raised: list[BaseException] = []

    def tell(fraction: float, _: Any) -> bool:
        progress(fraction)
        return True

    def keep(_: object, error: BaseException, __: object) -> None:
        raised.append(error)

    yield ffi.callback("bool(float, void *)", tell, error=False, onerror=keep)
    if raised:
        raise raised[0]


def reason() -> str:
    """Why the last call failed, in one line: llama.cpp's first error (the others are its echo) and what to do."""
    errors = log.listen().errors
    if not errors:
        return DAMAGED
    cause = re.sub(r"^(read|[a-z]+_\w+): (error loading model: )?", "", errors[0])  # the C function that says it
    remedy = next((remedy for words, remedy in REMEDIES.items() if words in cause), DAMAGED)
    return f"{cause} ({remedy})"
