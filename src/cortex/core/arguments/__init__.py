"""How a notation writes the arguments of a call: each way writes, enforces and reads them. Never knows the call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from cortex.core.chat import Schema
from cortex.core.lark import Lark
from cortex.core.place import Gap
from cortex.core.scan import Emit, Scanner, Steps


class Arguments(Protocol):
    """One way to write arguments."""

    def write(self, arguments: Mapping[str, Any] | str) -> str:
        """The arguments as the model would write them; what is not an object is passed on as it is."""

    def lark(self, out: Lark, schema: Schema, *, lenient: bool) -> str:
        """The rule of arguments that follow this schema."""

    def read(self, scan: Scanner, schema: Schema, after: str, emit: Emit) -> Steps[None]:
        """Read them, and emit them as JSON text. `after` is the literal that follows them, not to be consumed."""

    def gaps(self, schema: Schema) -> Sequence[Gap]:
        """What of this schema is not enforced where arguments are written so."""


class Values(Protocol):
    """One way to write a single value, where arguments are written one by one."""

    def write(self, value: Any) -> str: ...

    def lark(self, out: Lark, schema: Schema, after: str, *, lenient: bool) -> str:
        """The rule of a value that follows this schema, and of the literal after it."""

    def read(self, scan: Scanner, schema: Schema, after: str, emit: Emit) -> Steps[None]:
        """Read a value and the literal after it; emit it as JSON text."""

    def gaps(self, schema: Schema) -> Sequence[Gap]:
        """What of this schema is not enforced where a value is written so."""
