"""The header of a GGUF file -> what has to be known of the model. Never reads weights.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian). Every number in a
file is somebody else's claim, so each is checked against the file's size before it is believed.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

from cortex.core.errors import BadRequest
from cortex.core.specials import is_special
from cortex.models.memory import Shape
from cortex.models.shards import shards

# Value types of the key-value section, as struct codes; 8 is a string, 9 an array.
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9

# Tensor types: (values in a block, bytes of a block). Types that are not listed are not checked for length.
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
}  # fmt: skip

# general.file_type, as llama.cpp numbers it.
QUANTISATIONS = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS",
    20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M",
    28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip

ENCODERS = re.compile("bert|t5encoder|embedding")  # architectures that only make embeddings
NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4  # tokenizer.ggml.token_type
ENDS = tuple(f"tokenizer.ggml.{name}_token_id" for name in ("eos", "eot", "eom"))  # tokens that end a generation
TOKENS, TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
MOST_LAYERS = 10_000  # in a shape: the count is somebody else's claim, and no model has so many
U32, U64 = struct.Struct("<I"), struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF says of itself. Texts are "" and numbers 0 where it says nothing.

    `parameters` counts the weights of all tensors. `context` is the length the model was made for. `specials` are
    spellings of special tokens with their ids; `bos` and `eos` are spellings. `size` is the file's, in bytes. `shape`
    is what the memory depends on. `pooled`: it says how the vectors of a text's tokens become one.
    """

    architecture: str
    name: str
    basename: str
    size_label: str
    licence: str
    parameters: int
    context: int
    blocks: int
    template: str
    specials: Mapping[str, int]
    bos: str
    eos: str
    size: int
    quantisation: str
    shape: Shape = field(default_factory=Shape)
    pooled: bool = False

    @property
    def embeds(self) -> bool:
        """Whether it was made for embeddings, or for ranking, and not for replies."""
        return self.pooled or bool(ENCODERS.search(self.architecture))


def read(path: Path) -> Header:
    """The header of the file at `path`; where it is the first of a split model, `size` and `parameters` are of all.

    `BadRequest` says in one line why it is not a usable GGUF.
    """
    first, *others = [_read(path), *(_read(path.with_name(name)) for name in shards(path.name)[1:])]
    return replace(
        first,
        size=first.size + sum(other.size for other in others),
        parameters=first.parameters + sum(other.parameters for other in others),
    )


def _read(path: Path) -> Header:
    try:
        with path.open("rb") as file, _mapped(file.fileno()) as data:
            return _header(_Reader(data, path))
    except FileNotFoundError:
        raise BadRequest(f"there is no file {path}") from None
    except (OSError, ValueError) as error:  # a folder, no permission, an empty file
        raise BadRequest(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _mapped(descriptor: int) -> mmap.mmap:
    if not os.fstat(descriptor).st_size:
        raise ValueError("it is empty")
    return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)


@dataclass(frozen=True, slots=True)
class _Array:
    """An array that stays in the file. `starts` are the places of a string array's lengths, for random access."""

    kind: int
    count: int
    start: int
    starts: list[int] | None = None


class _Reader:
    """A place in the mapped file that moves forward, and refuses to pass the end."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self.data, self.path, self.at, self.size = data, path, 0, len(data)

    def broken(self, why: str) -> BadRequest:
        return BadRequest(f"{self.path} is not a usable GGUF: {why}")

    def skip(self, count: int) -> int:
        """Pass `count` bytes; the place where they start."""
        start, end = self.at, self.at + count
        if count < 0 or end > self.size:
            raise self.broken("it is cut off in its header; download it again")
        self.at = end
        return start

    def u32(self) -> int:
        return int(U32.unpack_from(self.data, self.skip(4))[0])

    def u64(self) -> int:
        return int(U64.unpack_from(self.data, self.skip(8))[0])

    def text(self) -> str:
        start = self.skip(self.u64())
        return self.data[start : self.at].decode("utf-8", "replace")

    def text_at(self, start: int) -> str:
        (length,) = U64.unpack_from(self.data, start)
        return self.data[start + 8 : start + 8 + length].decode("utf-8", "replace")

    def scalar(self, kind: int) -> Any:
        if kind not in SCALARS:
            raise self.broken(f"value type {kind} is unknown")
        code = struct.Struct("<" + SCALARS[kind])
        return code.unpack_from(self.data, self.skip(code.size))[0]

    def value(self, *, index: bool) -> Any:
        """The next value; an array is passed over and returned as a place. `index` notes where its strings are."""
        kind = self.u32()
        if kind == STRING:
            return self.text()
        return self.array(index=index) if kind == ARRAY else self.scalar(kind)

    def array(self, *, index: bool) -> _Array:
        kind, count, start = self.u32(), self.u64(), self.at
        if kind == STRING:
            return _Array(kind, count, start, self.strings(count, index=index))
        if kind not in SCALARS:  # arrays in arrays included: the format allows them, nobody writes them
            raise self.broken(f"array type {kind} is unknown")
        self.skip(count * struct.calcsize("<" + SCALARS[kind]))
        return _Array(kind, count, start)

    def strings(self, count: int, *, index: bool) -> list[int]:
        """Pass `count` strings. The hot loop of the file: a vocabulary has 150,000, its merges as many again."""
        data, at, size, unpack = self.data, self.at, self.size, U64.unpack_from
        starts: list[int] = []
        try:
            for _ in range(count):
                if index:
                    starts.append(at)
                at += 8 + unpack(data, at)[0]
                if at > size:
                    break
        except struct.error:
            at = size + 1
        self.skip(at - self.at)
        return starts

    def numbers(self, array: _Array) -> tuple[int, ...]:
        code = struct.Struct(f"<{array.count}{SCALARS[array.kind]}")
        return code.unpack_from(self.data, array.start)


def _header(reader: _Reader) -> Header:
    tensors, pairs = _preamble(reader)
    known = {key: reader.value(index=key == TOKENS) for key in _keys(reader, pairs)}
    architecture = _text(known, "general.architecture")
    tokens = known.get(TOKENS)
    return Header(
        architecture=architecture,
        name=_text(known, "general.name"),
        basename=_text(known, "general.basename"),
        size_label=_text(known, "general.size_label"),
        licence=_text(known, "general.license"),
        parameters=_tensors(reader, tensors, alignment=_number(known, "general.alignment") or 32),
        context=_number(known, f"{architecture}.context_length"),
        blocks=_number(known, f"{architecture}.block_count"),
        template=_text(known, "tokenizer.chat_template"),
        specials=_specials(reader, tokens, known.get(TYPES), {_number(known, key, missing=-1) for key in ENDS}),
        bos=_spelling(reader, tokens, known.get("tokenizer.ggml.bos_token_id")),
        eos=_spelling(reader, tokens, known.get("tokenizer.ggml.eos_token_id")),
        size=reader.size,
        quantisation=QUANTISATIONS.get(_number(known, "general.file_type", missing=-1), ""),
        shape=_shape(reader, known, architecture),
        pooled=_number(known, f"{architecture}.pooling_type") > 0,
    )


def _shape(reader: _Reader, known: Mapping[str, Any], architecture: str) -> Shape:
    def each(key: str) -> tuple[int, ...]:
        """The key's number for each layer; files write one for all of them, or a list."""
        value = known.get(f"{architecture}.{key}")
        if isinstance(value, _Array) and value.kind in SCALARS:
            return tuple(int(number) for number in reader.numbers(value))
        return (value if isinstance(value, int) else 0,) * min(layers, MOST_LAYERS)

    def one(key: str) -> int:
        return max(each(key), default=0)

    layers, tokens = _number(known, f"{architecture}.block_count"), known.get(TOKENS)
    width, heads = one("embedding_length"), one("attention.head_count")
    size = width // max(1, heads)
    full = _number(known, f"{architecture}.full_attention_interval") or 1
    kv_heads = each("attention.head_count_kv")
    if not any(kv_heads):
        kv_heads = each("attention.head_count")
    return Shape(
        width=width,
        heads=heads,
        kv_heads=tuple(count for layer, count in enumerate(kv_heads, 1) if layer % full == 0),
        key=one("attention.key_length") or size,
        value=one("attention.value_length") or size,
        inner=one("feed_forward_length") or one("expert_feed_forward_length"),
        vocabulary=tokens.count if isinstance(tokens, _Array) else 0,
        state=_state(known, architecture, sum(not count for count in kv_heads) or len(kv_heads) * (full > 1)),
    )


def _state(known: Mapping[str, Any], architecture: str, layers: int) -> int:
    """Bytes that one sequence takes in so many recurrent layers (Mamba and its kin: a convolution and a state)."""
    inner, state, kernel, groups = (
        _number(known, f"{architecture}.ssm.{key}")
        for key in ("inner_size", "state_size", "conv_kernel", "group_count")
    )
    return layers * 4 * (inner * state + max(0, kernel - 1) * (inner + 2 * groups * state))


def _preamble(reader: _Reader) -> tuple[int, int]:
    """The counts of tensors and of key-value pairs."""
    if reader.data[:4] != b"GGUF":
        raise reader.broken("it does not begin with GGUF, so it is some other kind of file")
    reader.skip(4)
    version = reader.u32()
    if version not in (2, 3):
        swapped = version in (0x02000000, 0x03000000)
        raise reader.broken("it is big-endian" if swapped else f"its format version is {version}; 2 and 3 are known")
    return reader.u64(), reader.u64()


def _keys(reader: _Reader, pairs: int) -> Any:
    for _ in range(pairs):
        yield reader.text()


def _tensors(reader: _Reader, count: int, *, alignment: int) -> int:
    """The number of weights. Checks that the file is long enough to hold the data of every tensor."""
    weights = end = 0
    for _ in range(count):
        reader.skip(reader.u64())
        shape = [reader.u64() for _ in range(reader.u32())]
        kind, offset, size = reader.u32(), reader.u64(), prod(shape)
        values, width = BLOCKS.get(kind, (1, 0))
        weights, end = weights + size, max(end, offset + size // values * width)
    start = -(-reader.at // alignment) * alignment
    if start + end > reader.size:
        raise reader.broken(f"it is cut off: {reader.size:,} of at least {start + end:,} bytes; download it again")
    return weights


def _specials(reader: _Reader, tokens: Any, types: Any, ends: set[int]) -> dict[str, int]:
    match tokens, types:
        case _Array(kind=8, starts=list(starts)), _Array(kind=code) if code in SCALARS:
            kinds = enumerate(reader.numbers(types)[: len(starts)])
            odd = [(id, kind) for id, kind in kinds if kind != NORMAL or id in ends]
            spelled = [
                (reader.text_at(starts[id]), id, kind in (UNKNOWN, CONTROL) or id in ends, kind) for id, kind in odd
            ]
            return {text: id for text, id, control, kind in spelled if is_special(text, control, kind == USER_DEFINED)}
    return {}


def _spelling(reader: _Reader, tokens: Any, id: Any) -> str:
    match tokens, id:
        case _Array(starts=list(starts)), int() if 0 <= id < len(starts):
            return reader.text_at(starts[id])
    return ""


def _text(known: Mapping[str, Any], key: str) -> str:
    value = known.get(key)
    return value if isinstance(value, str) else ""


def _number(known: Mapping[str, Any], key: str, *, missing: int = 0) -> int:
    value = known.get(key)
    return value if isinstance(value, int) else missing
