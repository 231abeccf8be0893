"""How the command line is read and explained: both spellings of an option, global options anywhere, commands in groups.

Never knows a command by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from typer.core import TyperGroup

from cortex.cli.misuse import Misuse

if TYPE_CHECKING:
    Formatter = Any  # Typer keeps its copy of Click to itself

# The global options, and whether each takes a value.
GLOBAL: Final = {
    "--config_file_path": True, "--data_folder_path": True, "--verbose": False, "--quiet": False, "-q": False
}  # fmt: skip


def underscored(name: str) -> str:
    """`ctx-len` -> `ctx_len`: the original wrote its options so, and most people write them the other way."""
    return name.replace("-", "_")


# The headings of the original's help, in its order. A group's own commands have none.
PANELS: Final = ("Common Commands", "Models", "Engines", "Hardware", "Server", "Configurations", "Commands")

# What every group of commands has in common.
SHAPE: Final[dict[str, Any]] = {
    "no_args_is_help": True,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,  # plain text: it fits a narrow terminal, and reads the same in a pipe
    "context_settings": {"help_option_names": ["-h", "--help"], "token_normalize_func": underscored},
}


class Commands(TyperGroup):
    """Lists commands under the headings that they name as their help panel, with a whole sentence for each."""

    def format_commands(self, ctx: Any, formatter: Formatter) -> None:
        shown = {name: command for name, command in self.commands.items() if not command.hidden}
        panels = {_panel(command) for command in shown.values()}
        for panel in sorted(panels, key=PANELS.index):
            with formatter.section(panel):
                formatter.write_dl(
                    [(name, _sentence(command)) for name, command in shown.items() if _panel(command) == panel]
                )


def hoisted(arguments: Sequence[str]) -> list[str]:
    """The global options before the command, wherever they were written; they mean the same everywhere. Raises
    `Misuse`."""
    first, rest = [], []
    left = iter(arguments)
    for argument in left:
        name, equals, _ = argument.partition("=")
        takes_value = GLOBAL.get(f"--{underscored(name[2:])}" if name.startswith("--") else name)
        if argument == "--":
            rest += [argument, *left]
        elif takes_value is None:
            rest.append(argument)
        else:
            first += [argument, *([_value(argument, left)] if takes_value and not equals else [])]
    return first + rest


def _value(option: str, left: Iterator[str]) -> str:
    value = next(left, None)
    if value is None:
        raise Misuse(f"option {option} requires an argument (see `cortex --help`)")
    return value


def line_of(error: Any) -> str:
    """An error of the command line, and where to read on. A group without a command gets its help."""
    message, context = str(error.format_message()), getattr(error, "ctx", None)
    match type(error).__name__:  # the classes of Typer's own Click have no public home
        case "NoArgsIsHelpError":
            return f"A subcommand is required\n\n{message}"
        case "MissingParameter":
            message = f"[{error.param.opts[-1]}] is required"
    hint = f" (see `{context.command_path} --help`)" if context else ""
    return f"Error: {message.rstrip('.')}{hint}"


def _panel(command: Any) -> str:
    panel = getattr(command, "rich_help_panel", None)
    return panel if isinstance(panel, str) else "Commands"


def _sentence(command: Any) -> str:
    return str((command.help or "").strip().split("\n\n")[0].split(". ")[0].rstrip("."))
