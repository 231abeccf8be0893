"""What has to be known of a model to talk to it: read once from its file, then never again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cortex.core.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Profile:
    """One model, as the pure half sees it.

    `template` is its chat template (Jinja, Hugging Face's dialect of it), already corrected where it was known to be
    broken. `specials` are the spellings of its special tokens and their ids. `bos` and `eos` are spellings, "" where
    there is none. `context` is the most tokens that prompt and reply may take together. `tool_prompt` replaces the
    tool instructions of our own dialects; `<CUSTOM_FUNCTIONS>` in it stands for the list of tools.
    """

    name: str
    template: str
    dialect: Dialect
    specials: Mapping[str, int]
    bos: str = ""
    eos: str = ""
    context: int = 8192
    tool_prompt: str | None = None
