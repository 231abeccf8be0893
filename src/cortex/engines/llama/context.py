"""A llama_context: decodes batches, gives logits, keeps the KV cache. Mechanism only; slots.py decides."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cortex.core.errors import EngineError, LoadError
from cortex.engines.llama import waiting
from cortex.engines.llama.abi import CACHE_TYPES, FLASH_ATTENTION, POOLING_NONE, ffi
from cortex.engines.llama.flow import Chunk
from cortex.engines.llama.model import Model, reason
from cortex.engines.llama.sampling import Logits
from cortex.engines.llama.shelf import Data

Vectors = npt.NDArray[np.float32]
UBATCH = 512  # tokens that are computed at once; llama.cpp's own default
BATCH = 2048


@dataclass(frozen=True, slots=True)
class Shape:
    """How a context is laid out: a KV cache of `cells` tokens for `lanes` sequences. `rows` is how many tokens of one
    decode may have logits: it takes memory. With `scratch` there is one more sequence, to copy a part of another. One
    with `vectors` gives those of all tokens in place of logits, and decodes so many at once."""

    cells: int
    lanes: int
    threads: int
    rows: int
    cache_type: str = "f16"
    flash_attention: bool | None = None
    scratch: bool = False
    vectors: int = 0


class Context:
    """`batch` is the most tokens that one decode takes, `cells` what the cache really has (llama.cpp rounds up)."""

    def __init__(self, model: Model, shape: Shape) -> None:
        self._lib, self._vocabulary = model.lib, model.vocabulary.size
        self.batch = shape.vectors or min(BATCH, shape.cells)
        self._waits, self._threads = waiting.waits(), shape.threads
        params = self._lib.llama_context_default_params()
        params.n_ctx, params.n_batch = shape.cells, self.batch
        params.n_ubatch = shape.vectors or min(UBATCH, self.batch)
        self._scratch = shape.lanes if shape.scratch else 0
        params.n_seq_max = shape.lanes + shape.scratch
        params.n_outputs_max = shape.rows
        params.n_threads = params.n_threads_batch = shape.threads
        params.type_k = params.type_v = CACHE_TYPES[shape.cache_type][0]
        params.flash_attn_type = FLASH_ATTENTION[shape.flash_attention]
        params.kv_unified = True
        if shape.vectors:
            params.embeddings, params.pooling_type, params.n_outputs_max = True, POOLING_NONE, self.batch
        self._context = self._lib.llama_init_from_model(model.pointer, params)
        if self._context == ffi.NULL:
            raise LoadError(f"a cache of {shape.cells} tokens cannot be set up: {reason()}")
        self._memory = self._lib.llama_get_memory(self._context)
        self.cells: int = self._lib.llama_n_ctx(self._context)
        self._batch = Batch(self.batch, all=bool(shape.vectors))
        self._width: int = self._lib.llama_model_n_embd_out(model.pointer)

    def use(self, one: int, more: int) -> None:
        """Compute one token with so many threads from now on, and several with so many."""
        self._threads = one
        self._lib.llama_set_n_threads(self._context, one, more)

    def trim(self, lane: int, keep: int) -> bool:
        return bool(self._lib.llama_memory_seq_rm(self._memory, lane, keep, -1))

    def share(self, source: int, target: int, length: int) -> None:
        self._lib.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def state(self, lane: int, length: int, behind: int = 0) -> Data:
        """A copy of what this sequence holds, or of the cells of its first tokens, those `behind` so many of them: the
        sequence behind all others serves to cut it. Empty where there is none to be had."""
        if not self._scratch:
            return self._state(lane)
        self._lib.llama_memory_seq_cp(self._memory, lane, self._scratch, behind, length)
        try:
            return self._state(self._scratch)
        finally:
            self.trim(self._scratch, 0)

    def restore(self, lane: int, state: Data, *, behind: bool = False) -> bool:
        """Fill this empty sequence with a copy, or go on with one `behind` what it holds. False where that does not
        fit; then it stays as it was."""
        into = self._scratch if behind else lane
        done = bool(self._lib.llama_state_seq_set_data(self._context, ffi.from_buffer(state), len(state), into))
        if behind and done:
            self._lib.llama_memory_seq_cp(self._memory, into, lane, 0, -1)
        if behind or not done:
            self.trim(into, 0)
        return done

    def _state(self, lane: int) -> Data:
        """In memory of its own: what is freed of the heap stays with the process."""
        size = self._lib.llama_state_seq_get_size(self._context, lane)
        buffer = memoryview(mmap.mmap(-1, max(1, size)))[:size]
        wrote = self._lib.llama_state_seq_get_data(self._context, ffi.from_buffer(buffer), size, lane)
        return buffer if wrote == size else b""

    def decode(self, chunks: Sequence[Chunk]) -> None:
        """Decode these chunks in one batch. After an EngineError nothing is known of what their sequences hold."""
        self._batch.fill(chunks)
        if self._waits:
            self._waits.look(self._threads)
        status = self._lib.llama_decode(self._context, self._batch.struct[0])
        if status:
            raise EngineError(f"llama.cpp could not decode a batch (status {status})")
        self._lib.llama_synchronize(self._context)

    def logits(self, chunk: Chunk, drafted: int = 0) -> Logits:
        """The logits after this chunk of the last batch and so many tokens of its draft, valid until the next batch.

        A chunk with `rows` has them also for tokens before its end: `drafted` is negative then.
        """
        row = self._lib.llama_get_logits_ith(self._context, self._batch.ends[chunk.lane] + drafted)
        if row == ffi.NULL:
            raise EngineError("llama.cpp gave no logits")
        logits: Logits = np.frombuffer(ffi.buffer(row, self._vocabulary * 4), dtype=np.float32)
        return logits

    def vectors(self, chunk: Chunk) -> Vectors:
        """Those of all tokens of this chunk of the last batch, one a row."""
        end = self._batch.ends[chunk.lane] + 1
        rows = [self._lib.llama_get_embeddings_ith(self._context, i) for i in range(end - len(chunk.tokens), end)]
        if ffi.NULL in rows:
            raise EngineError("llama.cpp gave no vectors: this model makes none")
        return np.array([np.frombuffer(ffi.buffer(row, self._width * 4), dtype=np.float32) for row in rows])

    def close(self) -> None:
        self._lib.llama_free(self._context)


class Batch:
    """A llama_batch over numpy arrays. `ends` says for each sequence where its chunk ended, before its draft. With
    `all` every token is to give an output, else those of a chunk with `rows`, the last of a prompt, and what of a
    draft needs it."""

    def __init__(self, size: int, *, all: bool = False) -> None:
        self._all = all
        self._token, self._position, self._lane, self._count = (np.zeros(size, dtype=np.int32) for _ in range(4))
        self._wanted = np.zeros(size, dtype=np.int8)
        self._count[:] = 1
        first = _pointer("llama_seq_id *", self._lane)
        self._lanes = ffi.new("llama_seq_id *[]", [first + i for i in range(size)])
        self.struct = ffi.new("llama_batch *")
        self.struct.token = _pointer("llama_token *", self._token)
        self.struct.pos = _pointer("llama_pos *", self._position)
        self.struct.n_seq_id = _pointer("int32_t *", self._count)
        self.struct.seq_id = self._lanes
        self.struct.logits = _pointer("int8_t *", self._wanted)
        self.ends: dict[int, int] = {}

    def fill(self, chunks: Sequence[Chunk]) -> None:
        at, self.ends = 0, {}
        for chunk in chunks:
            tokens = chunk.all
            last, end = at + len(chunk.tokens) - 1, at + len(tokens)
            self._token[at:end], self._lane[at:end], self._wanted[at:end] = tokens, chunk.lane, self._all or chunk.rows
            self._position[at:end] = np.arange(chunk.start, chunk.start + len(tokens))
            self._wanted[last] = chunk.last or chunk.rows or self._all
            self._wanted[last + 1 : end] = chunk.draft.wanted
            self.ends[chunk.lane] = last
            at = end
        self.struct.n_tokens = at


def _pointer(kind: str, array: npt.NDArray[Any]) -> Any:
    return ffi.cast(kind, array.ctypes.data)
