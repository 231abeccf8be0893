"""The fields of `model.yml` as options, and their values as the store takes them. The store checks them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cortex.cli.misuse import Misuse
from cortex.cli.options import Row
from cortex.config.paths import absolute

# Those of `cortex.models.settings`, which takes too long to import before it is known which command is wanted.
ABOUT: Final[Mapping[str, str]] = {
    "engine": "The engine that runs it",
    "ctx_len": "Tokens of context for one request",
    "n_parallel": "Requests that are decoded together",
    "ngl": "Layers on the GPU; -1: all",
    "cpu_threads": "Threads; 0: as many as compute best",
    "cache_type": "The numbers of the KV cache: f16, q8_0 or q4_0",
    "flash_attn": "Flash attention: true or false",
    "keep_alive": "How long it stays loaded without work: 90s, 30m, off",
    "draft_model": "A small model of the same vocabulary on this machine, which guesses ahead",
    "dialect": "How it writes tool calls; auto: found by its template",
    "template": "A file with a Jinja chat template in place of its own",
    "tool_prompt": "A file with tool instructions in place of ours",
    "temperature": "Sampling temperature; 0: greedy",
    "top_p": "Nucleus sampling",
    "top_k": "Sample from this many of the likeliest tokens",
    "min_p": "Leave out what is less likely than this part of the likeliest",
    "seed": "The seed of sampling; -1: drawn",
    "frequency_penalty": "Penalty by how often a token was said",
    "presence_penalty": "Penalty for what was said at all",
    "repeat_penalty": "Penalty for repetition, a factor",
    "repeat_last_n": "Tokens that the repetition penalty looks back",
    "typ_p": "Typical sampling; 1: off",
    "min_keep": "Tokens that top_p, min_p and typ_p leave at least",
    "dynatemp_range": "The temperature moves by so much, as sure as the model is; 0: off",
    "dynatemp_exponent": "How it moves with the entropy",
    "mirostat": "1 or 2: Mirostat in place of what narrows; 0: off",
    "mirostat_tau": "The surprise that Mirostat aims at, in bits",
    "mirostat_eta": "How fast Mirostat learns",
    "penalize_nl": "Penalties for ends of lines too: true or false",
    "max_tokens": "Tokens of a reply at most",
    "stop": 'Texts that end a reply, as ["a", "b"] or one text',
}
FILES: Final = ("template", "tool_prompt")
ROWS: Final = {name: Row(f"{about}.") for name, about in ABOUT.items()}


def changes(options: Mapping[str, str], pairs: Sequence[str]) -> dict[str, Any]:
    """The settings that options and `KEY=VALUE` pairs ask for; None takes one back."""
    split = dict(_pair(text) for text in pairs)
    wanted = {key: _value(key, text) for key, text in {**split, **options}.items()}
    if not wanted:
        raise Misuse("name what to change, as --temperature 0.2; `cortex models update --help` lists the settings")
    return wanted


def named(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The model's id, which is the first word, and the others."""
    if not words or "=" in words[0]:
        raise Misuse("[--model_id] is required (see `cortex models update --help`)")
    return words[0], words[1:]


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise Misuse(f"write KEY=VALUE or --KEY VALUE, not {text!r}")
    return key, value


def _file(key: str, text: str) -> str:
    """The whole path of a file that can be read: the server, which reads it, runs in another folder."""
    path = absolute(text)
    try:
        path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse(f"--{key}: {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return str(path)


def _value(key: str, text: str) -> Any:
    from cortex.models.settings import KEYS

    types = KEYS.get(key, ())
    if not text:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if str in types and not isinstance(value, types):
        return text
    if key in FILES:
        return _file(key, text)
    return [text] if types == (list,) and not isinstance(value, list) else value
