"""What can be typed in a chat beside messages: `/help` and the like. Never talks to the model."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import typer

from cortex.cli.talk import Talk
from cortex.config.paths import absolute
from cortex.core.errors import BadRequest

NARROW = 16  # columns that an explanation keeps, however narrow the terminal is
HELP: Final = {
    "/tools FILE": "offer the model the tools of a JSON file; you type what they return",
    "/tools": "show the tools; /tools off takes them away",
    "/system TEXT": "tell the model how to behave; /system off: no more",
    "/set KEY VALUE": "send a field along: temperature 0, tool_choice required ...",
    "/set": "show what is set; /set KEY takes it back",
    "/clear": "forget what has been said",
    "/undo": "take the last message and its reply back",
    "/exit": "leave; so do exit() and Ctrl-D",
    "Ctrl-C": "stop a reply, or clear the line",
    "\\": "at the end of a line: the message goes on in the next one",
    '"""': "begins and ends a message of several lines",
    "//": "begins a message that begins with /",
}


def obeyed(talk: Talk, message: str) -> bool:
    """Obey a command; False where the message is none. `BadRequest` for a command that there is not."""
    command = re.match(r"/([a-z?]+)(?=\s|$)", message)
    if not command:
        return False
    if command[1] not in COMMANDS:
        raise BadRequest(f"there is no command /{command[1]}; see `/help`. A message that begins with / is written //")
    COMMANDS[command[1]](talk, message[command.end() :].strip())
    return True


def read_tools(file: str) -> Sequence[Any]:
    """The tools of a file: OpenAI's list of tools, or an object with `tools`. Raises `BadRequest`."""
    from cortex.server.wire import tools as wire
    from cortex.server.wire.node import Node

    try:
        value = json.loads(absolute(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRequest(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadRequest(f"{file} is not JSON: {error}") from error
    tools: Any = value.get("tools") if isinstance(value, dict) else value
    wire.read_tools(Node(tools, "tools"))  # so that a mistake is told now, and names its place
    return list(tools)


def offer(talk: Talk, tools: Sequence[Any]) -> None:
    """The model may call these tools from now on."""
    talk.tools = tools
    _tell(f"The model may call: {_names(talk)}")


def _help(talk: Talk, argument: str) -> None:
    wide = max(map(len, HELP)) + 2
    for command, about in HELP.items():
        first, *more = textwrap.wrap(about, max(NARROW, shutil.get_terminal_size().columns - wide))
        _tell("\n".join([f"{command:<{wide}}{first}", *(" " * wide + line for line in more)]))


def _tools(talk: Talk, argument: str) -> None:
    match argument:
        case "":
            _tell(f"The model may call: {_names(talk)}" if talk.tools else "No tools. `/tools FILE` offers some.")
        case "off":
            talk.tools = ()
            _tell("The model has no tools")
        case file:
            offer(talk, read_tools(file))


def _system(talk: Talk, argument: str) -> None:
    if argument:
        talk.system = "" if argument == "off" else argument
    _tell(f"System message: {talk.system}" if talk.system else "No system message.")


def _set(talk: Talk, argument: str) -> None:
    key, _, value = argument.partition(" ")
    if key in ("model", "messages", "stream", "stream_options", "tools"):
        raise BadRequest(f"{key} cannot be set: the chat sets it")
    if value.strip():
        talk.settings[key] = _value(value.strip())
    elif key:
        talk.settings.pop(key, None)
    _tell("\n".join(f"{key}: {json.dumps(value)}" for key, value in talk.settings.items()) or "Nothing is set.")


def _clear(talk: Talk, argument: str) -> None:
    talk.messages.clear()
    _tell("Forgotten.")


def _undo(talk: Talk, argument: str) -> None:
    asked = [place for place, message in enumerate(talk.messages) if message["role"] == "user"]
    if not asked:
        _tell("Nothing has been said.")
        return
    _tell(f"Taken back: {talk.messages[asked[-1]]['content']}")
    del talk.messages[asked[-1] :]


COMMANDS: Final[Mapping[str, Callable[[Talk, str], None]]] = {
    "help": _help,
    "?": _help,
    "tools": _tools,
    "system": _system,
    "set": _set,
    "clear": _clear,
    "undo": _undo,
}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _names(talk: Talk) -> str:
    return ", ".join((tool.get(tool.get("type", "")) or tool).get("name", "?") for tool in talk.tools)


def _tell(text: str) -> None:
    typer.echo(text, err=True)
