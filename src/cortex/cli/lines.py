"""What the user types, message by message: one line, or several; from a terminal or a pipe.

A message has several lines where a line ends with a backslash, between two lines with three quotes (\"\"\"), and where
several lines are pasted at once.
"""

from __future__ import annotations

import json
import select
import sys
from contextlib import suppress
from pathlib import Path

import typer

KEPT = 1000  # messages of the history
QUOTES = '"""'


class Lines:
    """`history` is a file with what was typed before, one JSON text a line; it is read and written at a terminal only.

    The file is made readable for its owner alone.
    """

    def __init__(self, history: Path) -> None:
        self.terminal = sys.stdin.isatty()
        self._history = history
        self._blind_to_pastes = False
        if self.terminal:
            self._recall()

    def ask(self, prompt: str) -> str:
        """The next message, without white space around it. `EOFError` at the end, `KeyboardInterrupt` on Ctrl-C."""
        message = self._message(prompt).strip()
        if self.terminal and message:
            self._remember(message)
        return message

    def _message(self, prompt: str) -> str:
        line = self._line(prompt)
        more = "." * (len(prompt) - 1) + " "
        if line.lstrip().startswith(QUOTES):
            return self._quoted(line.lstrip().removeprefix(QUOTES), more)
        said = [line]
        while said[-1].endswith("\\"):
            said[-1] = said[-1][:-1]
            said.append(self._line(more))
        while self._blind_to_pastes and _pasted():
            said.append(self._line(more))
        return "\n".join(said)

    def _quoted(self, line: str, more: str) -> str:
        said = [line]
        while not said[-1].rstrip().endswith(QUOTES):
            said.append(self._line(more))
        said[-1] = said[-1].rstrip().removesuffix(QUOTES)
        return "\n".join(said)

    def _line(self, prompt: str) -> str:
        if self.terminal:
            return typed(prompt)
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")

    def _recall(self) -> None:
        import readline

        # GNU's gives a paste as one line; of the other's lines, those that come faster than any hand are one paste.
        self._blind_to_pastes = "libedit" in (readline.__doc__ or "")
        if not self._blind_to_pastes:
            readline.parse_and_bind("set enable-bracketed-paste on")  # Python turns it off
        readline.set_auto_history(False)  # a message is remembered whole, not line by line
        with suppress(OSError, ValueError):  # no history is no reason not to talk
            for line in self._history.read_text(encoding="utf-8").splitlines()[-KEPT:]:
                readline.add_history(json.loads(line))

    def _remember(self, message: str) -> None:
        import readline

        readline.add_history(message)
        with suppress(OSError):
            self._history.touch(0o600)
        with suppress(OSError), self._history.open("a", encoding="utf-8") as file:
            file.write(json.dumps(message, ensure_ascii=False) + "\n")


def typed(prompt: str) -> str:
    """A line that the user types at the terminal after `prompt`, which does not go with an output that goes elsewhere.
    Raises `EOFError` at the end, `KeyboardInterrupt` on Ctrl-C."""
    if sys.stdout.isatty():
        return input(prompt)  # it has to go through readline, or it is lost when the line is edited
    typer.echo(prompt, nl=False, err=True)
    return input()


def _pasted() -> bool:
    """Whether more is there already: the rest of a paste."""
    return bool(select.select([sys.stdin], [], [], 0.01)[0])
