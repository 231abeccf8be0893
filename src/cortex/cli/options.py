"""Options that come from a table: one for each setting of a model or of Cortex. Never reads their values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

import typer

Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Row:
    """What an option is `about`, and the spellings it has beside `--NAME`. A hidden one is not in the help."""

    about: str
    others: tuple[str, ...] = ()
    hidden: bool = False


def options(table: Mapping[str, Row], *, into: str = "values") -> Callable[[Command], Command]:
    """Give a command an option `--NAME` for each name of `table`.

    The command gets those that were given, as texts by name, in its parameter `into`.
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True)
        more = [_option(name, row) for name, row in table.items()]

        @wraps(command)
        def wrapped(**given: Any) -> None:
            values = {name: given.pop(name) for name in table}
            command(**given, **{into: {name: value for name, value in values.items() if value is not None}})

        parameters = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own.parameters.values() if each.name != into
        ]
        wrapped.__signature__ = own.replace(parameters=[*parameters, *more])  # type: ignore[attr-defined]
        wrapped.__annotations__ = {each.name: each.annotation for each in [*parameters, *more]}
        return wrapped

    return decorate


def _option(name: str, row: Row) -> inspect.Parameter:
    option = typer.Option(f"--{name}", *row.others, help=row.about, metavar="VALUE", hidden=row.hidden)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, option]
    )
