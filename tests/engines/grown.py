"""Real GGUF models of a few kilobytes with random weights: they say nonsense, but every part of the engine is at work.

The vocabulary is sentencepiece's kind: a space goes before a text, and every prompt begins with `<s>`.
"""

from __future__ import annotations

import string
import struct
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float32]]

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6
WORDS = ["▁", "he", "ll", "llo", "▁he", "▁hello", "hello", *string.ascii_letters, *string.digits, *' {}[]":,.<>_|/']
VOCABULARY = [
    ("<unk>", UNKNOWN),
    ("<s>", CONTROL),
    ("</s>", CONTROL),
    *((f"<0x{byte:02X}>", BYTE) for byte in range(256)),
    *((word, NORMAL) for word in WORDS),
    ("<tool_call>", USER_DEFINED),
    ("   ", USER_DEFINED),
]
WIDTH, LAYERS = 64, 2


def llama(path: Path, *, seed: int = 7, words: Mapping[str, str] | None = None) -> Path:
    """A transformer: 2 heads of 32, one of them for keys and values. `words` of its vocabulary may be others."""
    weights = {"token_embd.weight": (len(VOCABULARY), WIDTH), "output_norm.weight": (WIDTH,)}
    for layer in range(LAYERS):
        shapes = {"attn_norm": (WIDTH,), "attn_q": (WIDTH, WIDTH), "attn_k": (32, WIDTH), "attn_v": (32, WIDTH)}
        shapes |= {"attn_output": (WIDTH, WIDTH), "ffn_norm": (WIDTH,), "ffn_gate": (96, WIDTH)}
        shapes |= {"ffn_up": (96, WIDTH), "ffn_down": (WIDTH, 96)}
        weights |= {f"blk.{layer}.{name}.weight": shape for name, shape in shapes.items()}
    facts = {"feed_forward_length": 96, "attention.head_count": 2, "attention.head_count_kv": 1}
    return _write(path, "llama", facts | {"rope.dimension_count": 32}, weights, seed=seed, words=words or {})


def mamba(path: Path) -> Path:
    """A recurrent model: it has a state in place of a cache, and cannot go back in it."""
    inner, state, rank = 2 * WIDTH, 16, 4
    weights = {"token_embd.weight": (len(VOCABULARY), WIDTH), "output_norm.weight": (WIDTH,)}
    for layer in range(LAYERS):
        shapes = {"attn_norm.weight": (WIDTH,), "ssm_in.weight": (2 * inner, WIDTH), "ssm_conv1d.weight": (inner, 4)}
        shapes |= {"ssm_conv1d.bias": (inner,), "ssm_x.weight": (rank + 2 * state, inner), "ssm_a": (inner, state)}
        shapes |= {"ssm_dt.weight": (inner, rank), "ssm_dt.bias": (inner,), "ssm_d": (inner,)}
        shapes |= {"ssm_out.weight": (WIDTH, inner)}
        weights |= {f"blk.{layer}.{name}": shape for name, shape in shapes.items()}
    facts = {"feed_forward_length": 0, "attention.head_count": 0, "ssm.conv_kernel": 4, "ssm.inner_size": inner}
    return _write(path, "mamba", facts | {"ssm.state_size": state, "ssm.time_step_rank": rank}, weights)


def bert(path: Path) -> Path:
    """A model that only makes vectors: each token looks at all others, and there is nothing to draw a token from."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁hello", "▁there", *(f"▁{letter}" for letter in string.ascii_letters)]
    weights: dict[str, tuple[int, ...]] = {"token_embd.weight": (len(words), WIDTH), "token_types.weight": (1, WIDTH)}
    weights |= {
        "position_embd.weight": (512, WIDTH),
        "token_embd_norm.weight": (WIDTH,),
        "token_embd_norm.bias": (WIDTH,),
    }
    for layer in range(LAYERS):
        shapes = dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), (WIDTH, WIDTH))
        shapes |= {"ffn_up": (96, WIDTH), "ffn_down": (WIDTH, 96)}
        norms = dict.fromkeys(("attn_output_norm", "layer_output_norm"), (WIDTH,))
        weights |= {f"blk.{layer}.{name}.weight": shape for name, shape in (shapes | norms).items()}
        weights |= {f"blk.{layer}.{name}.bias": shape[:1] for name, shape in (shapes | norms).items()}
    own = {"context_length": 512, "embedding_length": WIDTH, "block_count": LAYERS, "feed_forward_length": 96}
    own |= {"attention.head_count": 2, "attention.layer_norm_epsilon": 1e-5, "attention.causal": False}
    facts: dict[str, Any] = {"general.architecture": "bert"} | {f"bert.{name}": value for name, value in own.items()}
    facts |= {
        "bert.pooling_type": 1,
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.tokens": words,
        "tokenizer.ggml.token_type": [CONTROL] * 4 + [NORMAL] * (len(words) - 4),
        "tokenizer.ggml.token_type_count": 1,
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.unknown_token_id": 1,
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.seperator_token_id": 3,
    }
    draw = np.random.default_rng(7)
    path.write_bytes(_gguf(facts, {name: _weights(name, shape, draw) for name, shape in weights.items()}))
    return path


def _write(
    path: Path,
    architecture: str,
    numbers: dict[str, int],
    weights: dict[str, tuple[int, ...]],
    *,
    seed: int = 7,
    words: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    own = {"context_length": 2048, "embedding_length": WIDTH, "block_count": LAYERS, **numbers}
    facts: dict[str, Any] = {"general.architecture": architecture}
    facts |= {f"{architecture}.{name}": number for name, number in own.items()}
    facts |= {
        f"{architecture}.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [words.get(text, text) for text, _ in VOCABULARY],
        "tokenizer.ggml.scores": [float(-i) for i in range(len(VOCABULARY))],
        "tokenizer.ggml.token_type": [kind for _, kind in VOCABULARY],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
    }
    draw = np.random.default_rng(seed)
    tensors = {name: _weights(name, shape, draw) for name, shape in weights.items()}
    path.write_bytes(_gguf(facts, tensors))
    return path


def _weights(name: str, shape: tuple[int, ...], draw: np.random.Generator) -> Array:
    if "norm" in name or name.endswith("ssm_d"):
        return np.ones(shape, np.float32)
    if name.endswith("ssm_a"):  # a state that fades
        return np.broadcast_to(-np.arange(1, shape[1] + 1), shape).astype(np.float32)
    return draw.normal(0, 1 if "embd" in name else 0.3, shape).astype(np.float32)


def _gguf(facts: dict[str, Any], tensors: dict[str, Array]) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(facts))
    head += b"".join(_text(key) + _value(value) for key, value in facts.items())
    data = b""
    for name, tensor in tensors.items():
        shape = tensor.shape[::-1]
        head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += tensor.tobytes() + bytes(-tensor.nbytes % 32)
    return head + bytes(-len(head) % 32) + data


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: Any) -> bytes:
    match value:
        case str():
            return struct.pack("<I", 8) + _text(value)
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
        case [float(), *_]:
            return struct.pack(f"<IIQ{len(value)}f", 9, 6, len(value), *value)
        case _:
            return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
