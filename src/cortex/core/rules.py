"""What a reply has to keep to: the policy of a request, without any format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cortex.core.chat import Schema, Tool

Thought = Literal["no", "may", "open"]  # a thought cannot come; may come first; has been opened by the prompt


@dataclass(frozen=True, slots=True)
class Rules:
    """What a reply has to keep to.

    `tools` are those that may be called. `must`: it begins with a call at once. `parallel`: several calls may come.
    `schema`: an answer in words has to follow it instead.
    """

    tools: Sequence[Tool] = ()
    must: bool = False
    parallel: bool = True
    schema: Schema | None = None
    thought: Thought = "no"
