"""`model.yml`, as the original kept it beside every model: written from the store, and read where people changed it.

Its sections are comments. Keys that only the original's engines knew are kept as they are; they mean nothing to ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from cortex.config.file import replacing
from cortex.core.errors import CortexError
from cortex.models.settings import KEYS, SAMPLING, check

GENERAL = ("id", "model", "name", "version", "files", "size", "created", "object", "owned_by", "source")
INFERENCE = (*SAMPLING, "max_tokens", "stop")
# What the original wrote for "as the model has it".
UNSET = {"ctx_len": (0,), "max_tokens": (0,), "cpu_threads": (0,), "engine": ("llama-cpp", "cortex.llamacpp")}
# Keys of the original that have no effect here.
FOREIGN = {
    *("mmproj", "sources", "metadata", "author_repo_id", "os", "gpu_arch", "precision", "quantization_method"),
    *("prompt_template", "system_template", "user_template", "ai_template", "text_model", "tp", "trtllm_version"),
    *("stream", "grammar", "tfs_z", "ignore_eos", "n_probs"),
}
# Those of them that would change replies, with what the original wrote where they do not.
UNHEARD = {"tfs_z": 1, "grammar": "", "ignore_eos": False, "n_probs": 0}


@dataclass(frozen=True, slots=True)
class Content:
    """`settings` are keys that we know; `foreign` are the original's, and whatever else is there."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    foreign: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()


class Broken(CortexError):
    """The file cannot be understood. The message names it, and what in it is wrong."""

    code = "invalid_model_file"


def read(path: Path) -> Content:
    """What the file says. Raises `Broken`, and `FileNotFoundError` where there is none."""
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError, ValueError, CortexError) as error:
        reason = error.message if isinstance(error, CortexError) else " ".join(str(error).split())
        raise Broken(f"{path} cannot be understood: {reason}. Correct it, or delete it.") from error


def parse(text: str) -> Content:
    """What such a text says. Raises `ValueError` or `BadRequest`."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(error) from error
    if content is None:
        return Content()
    if not isinstance(content, dict):
        raise ValueError("it must be a list of `key: value` lines")
    if "n_parallels" in content:  # as the original's documentation once had it
        content.setdefault("n_parallel", content.pop("n_parallels"))
    foreign = {key: value for key, value in content.items() if key not in KEYS and key not in GENERAL}
    for key in foreign.keys() - FOREIGN:
        if meant := get_close_matches(str(key), KEYS, 1, 0.8):
            raise ValueError(f"{key} is no key of it; {meant[0]} is")
    files = content.get("files") or ()
    return Content(
        check({key: value for key, value in content.items() if key in KEYS and value not in UNSET.get(key, ())}),
        foreign,
        (files,) if isinstance(files, str) else tuple(map(str, files)),
    )


def unheard(path: Path) -> tuple[str, ...]:
    """The keys of the file that ask for something which is not done here."""
    try:
        foreign = read(path).foreign
    except (Broken, FileNotFoundError):
        return ()
    return tuple(key for key, usual in UNHEARD.items() if foreign.get(key) not in (None, usual))


def sampling(text: str) -> dict[str, Any]:
    """How a `model.yml` of a hub wants its model to be asked. What it says of contexts and devices is about another
    machine, and one value that we cannot use spoils no other."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    found: dict[str, Any] = {}
    for key in (*SAMPLING, "stop"):
        if isinstance(content, dict) and content.get(key) is not None:
            with suppress(CortexError):
                found |= check({key: content[key]})
    return found


def write(target: Path, general: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Write `target` whole or not at all. What it held for the original stays."""
    try:
        foreign = read(target).foreign
    except (Broken, FileNotFoundError):
        foreign = {}
    target.parent.mkdir(parents=True, exist_ok=True)
    load = {"engine": "llama-cpp"} | {key: value for key, value in settings.items() if key not in INFERENCE}
    sections = {
        "GENERAL": general,
        "INFERENCE": {key: settings[key] for key in INFERENCE if key in settings},
        "LOAD": load,
        "OF THE ORIGINAL, WITHOUT EFFECT HERE": foreign,
    }
    with replacing(target, mode=0o644) as out:
        for title, values in sections.items():
            if values:
                out.write(f"# {title}\n{yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)}")
        out.write(f"# What may be set here: {', '.join(KEYS)}\n")


def stamp(path: Path) -> str:
    """What changes when somebody writes the file; "" where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns}:{status.st_size}:{status.st_ino}"
