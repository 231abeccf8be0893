"""A conversation with a model: what has been said, and what every request carries along. Calls are answered by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cortex.cli import reply
from cortex.cli.api import Api, Refused
from cortex.cli.lines import Lines
from cortex.cli.reply import Call, Message
from cortex.cli.terminal import unechoed
from cortex.core.errors import CortexError


@dataclass(slots=True)
class Talk:
    """`settings` are fields of the request: `temperature`, `max_tokens` ... `system` is the system message. `counted`:
    replies are shown with their speed."""

    api: Api
    model: str
    lines: Lines
    messages: list[Message] = field(default_factory=list)
    system: str = ""
    tools: Sequence[Any] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    counted: bool = False

    def say(self, message: str) -> None:
        """Send a message and show the reply. Where nothing comes of it, it is as if it had not been sent."""
        before = len(self.messages)
        self.messages.append({"role": "user", "content": message})
        try:
            whole = self._replies()
        except (Refused, KeyboardInterrupt, EOFError):
            del self.messages[before:]
            raise
        if not whole:
            del self.messages[before:]

    def _replies(self) -> bool:
        """Replies until one has no call that waits for an answer; whether anything was said at all."""
        while True:
            with unechoed():
                said = reply.speak(self.api, self._body(), counted=self.counted)
            if said.stopped and not said.text:
                return False
            self.messages.append(said.message())
            if "tool_calls" not in self.messages[-1]:
                return True
            self.messages += [self._answer(call) for call in said.calls]

    def _answer(self, call: Call) -> Message:
        return {"role": "tool", "tool_call_id": call.id, "content": self._typed(call)}

    def _typed(self, call: Call) -> str:
        try:
            return self.lines.ask(f"{call.name} returns: " if self.lines.terminal else "")
        except EOFError:
            if self.lines.terminal:
                raise
            raise CortexError(f"the input ended where the result of {call.name} was to be read") from None

    def _body(self) -> dict[str, Any]:
        told = [{"role": "system", "content": self.system}] if self.system else []
        tools = {"tools": list(self.tools)} if self.tools else {}
        return {**self.settings, **tools, "model": self.model, "messages": [*told, *self.messages]}
