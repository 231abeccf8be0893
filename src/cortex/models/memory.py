"""What memory a model will take, estimated from its header before anything is loaded. Pure arithmetic.

Weights are the file. The KV cache follows from the shape of the attention. The rest is llama.cpp's compute buffer, the
vocabulary and Python; its numbers were fitted to what processes held (tests/models/test_memory.py measures anew).
"""

from __future__ import annotations

from dataclasses import dataclass

BYTES = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}  # of one number in the cache
UBATCH = 512  # tokens that llama.cpp computes at once
FLOAT = 4
STATES = 256 << 20  # copies of recurrent states, from which prompts go on
PROCESS = 128 << 20  # Python, its libraries, the vocabulary's lists


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a model that its memory depends on. `kv_heads` has one number a layer, 0 for layers without a cache;
    `key` and `value` are numbers a head. `state` is what a sequence takes in the recurrent layers, in bytes."""

    width: int = 0
    heads: int = 0
    kv_heads: tuple[int, ...] = ()
    key: int = 0
    value: int = 0
    inner: int = 0
    vocabulary: int = 0
    state: int = 0

    @property
    def cell(self) -> int:
        """Numbers of one token in the cache of all layers."""
        return sum(self.kv_heads) * (self.key + self.value)


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes."""

    weights: int
    cache: int
    compute: int

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.compute

    def __add__(self, other: Need) -> Need:
        return Need(self.weights + other.weights, self.cache + other.cache, self.compute + other.compute)


def cells(context: int, parallel: int) -> int:
    """Tokens of KV cache: two full requests' worth for all that run together.

    Every cell is paid for when the model is loaded, and few requests fill their context. So one that does leaves the
    others room, beginnings are shared, and where it does not suffice the youngest request waits for the others.
    """
    return context * min(parallel, 2)


def need(
    shape: Shape, size: int, *, context: int, parallel: int = 1, cache_type: str = "f16", flash: bool | None = None
) -> Need:
    """What a model of this shape takes whose file has `size` bytes. Without `flash` attention the scores of a whole
    batch are kept."""
    room = cells(context, parallel)
    cache = int(room * shape.cell * BYTES[cache_type]) + shape.state * parallel
    copies = STATES if shape.state else 0
    return Need(size, cache + copies, PROCESS + _compute(shape, room, scores=flash is False))


def _compute(shape: Shape, room: int, *, scores: bool) -> int:
    """The widest moment of the graph for one batch: what a layer works on, the attention's mask, and rows of logits."""
    layer = UBATCH * (4 * shape.width + 3 * shape.inner) * FLOAT
    mask = UBATCH * room * FLOAT * (1 + shape.heads * scores)
    return layer + mask + 64 * shape.vocabulary * FLOAT
