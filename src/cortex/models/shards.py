"""Models that are split over several GGUF files, told by the names that llama.cpp gives them. No I/O.

`NAME-00001-of-00003.gguf` is the first of three; engines are given the first and find the others by its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

NAME = re.compile(r"(?P<stem>.+)-(?P<n>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE | re.DOTALL)


def shards(name: str) -> Sequence[str]:
    """The names of all files of the model whose first is `name`; only `name` where it is not split."""
    match = NAME.fullmatch(name)
    if not match or int(match["n"]) != 1:
        return (name,)
    return [f"{match['stem']}-{n:05d}-of-{match['count']}{name[-5:]}" for n in range(1, int(match["count"]) + 1)]


def first(name: str) -> bool:
    """Whether a model is named by this file: every GGUF, but of split ones only the first."""
    match = NAME.fullmatch(name)
    return name.lower().endswith(".gguf") and (not match or int(match["n"]) == 1)


def stem(name: str) -> str:
    """The name without its part and its ending."""
    match = NAME.fullmatch(name)
    return match["stem"] if match else re.sub(r"\.gguf$", "", name, flags=re.IGNORECASE)
