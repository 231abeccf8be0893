"""Small true files for tests: a GGUF written from scratch, and wheels that carry data as model wheels do."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4
TOKENS = {"a": NORMAL, "<unk>": UNKNOWN, "<|end|>": CONTROL, "<tool_call>": USER_DEFINED, "   ": USER_DEFINED}
FACTS: dict[str, Any] = {
    "general.architecture": "llama",
    "general.name": "Tiny",
    "general.basename": "tiny",
    "general.size_label": "8",
    "general.license": "mit",
    "general.file_type": 1,
    "llama.context_length": 16384,
    "llama.block_count": 2,
    "tokenizer.ggml.tokens": list(TOKENS),
    "tokenizer.ggml.token_type": list(TOKENS.values()),
    "tokenizer.ggml.scores": [0.0] * len(TOKENS),
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}",
}
F16 = 1


def gguf(*, version: int = 3, order: str = "<", **changes: Any) -> bytes:
    """A GGUF with one tensor of 2x4 F16 values. `changes` of FACTS: `_` for `.`-free keys; None leaves a key out."""
    facts = {key: value for key, value in (FACTS | changes).items() if value is not None}
    head = b"GGUF" + struct.pack(order + "IQQ", version, 1, len(facts))
    pairs = b"".join(_text(key) + _value(value) for key, value in facts.items())
    tensor = _text("w") + struct.pack("<IQQIQ", 2, 2, 4, F16, 0)
    start = head + pairs + tensor
    return start + bytes(-len(start) % 32) + bytes(range(16))


def split(count: int, stem: str = "m") -> dict[str, bytes]:
    """A model in `count` files, as llama.cpp splits them: name -> content. Only the first tells what the model is."""
    facts = [{"split.no": n, "split.count": count, "split.tensors.count": count} for n in range(count)]
    bare = dict.fromkeys(FACTS) | {"general.architecture": "llama"}
    contents = [gguf(**facts[0]), *(gguf(**bare | each) for each in facts[1:])]
    return {f"{stem}-{n:05d}-of-{count:05d}.gguf": data for n, data in enumerate(contents, 1)}


def write(path: Path, **changes: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gguf(**changes))
    return path


def wheel(folder: Path, package: str, version: str, members: Mapping[str, bytes]) -> Path:
    """A wheel that pip accepts, with these files inside."""
    name = package.replace("-", "_")
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def parts(data: bytes, count: int) -> Sequence[bytes]:
    length = -(-len(data) // count)
    return [data[at : at + length] for at in range(0, len(data), length)]


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    match value:
        case str():
            return struct.pack("<I", 8) + _text(value)
        case int():
            return struct.pack("<II", 4, value)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
        case [float(), *_]:
            return struct.pack(f"<IIQ{len(value)}f", 9, 6, len(value), *value)
        case [int(), *_]:
            return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
    raise TypeError(value)
