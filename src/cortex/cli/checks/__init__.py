"""What `cortex doctor` looks at: one file a subject. A check finds out and says; it never changes anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `bad` keeps something from working, `warn` may; `todo` says what to do about it."""

    about: str
    state: State
    says: str
    todo: str = ""
