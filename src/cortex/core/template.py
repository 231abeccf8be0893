"""Chat templates in Hugging Face's dialect of Jinja: sandboxed, and never an exception but TemplateError.

Source of the dialect: `transformers/utils/chat_template_utils.py` (`tojson` without HTML escapes, loop controls,
`raise_exception`, `strftime_now`, `{% generation %}`). What some makers use beyond it is here as well: filters that
read JSON, lists that may be changed, `tojson` of what `map` gives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from jinja2 import Template, meta, nodes
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser

from cortex.core.sandbox import BUDGET, Budget, Sandbox, narrow

CHANGES: Final = re.compile(r"\.\s*(append|clear|extend|insert|pop|popitem|remove|reverse|setdefault|sort|update)\b")

SOME_DAY: Final = datetime(2024, 1, 1)  # for renderings that nobody reads


class TemplateError(Exception):
    """The template does not compile, or refused these messages; the message is the template's own words."""


class Generation(Extension):
    """`{% generation %}` marks what a model said, for training; here it is just its contents."""

    tags = {"generation"}  # noqa: RUF012 (Jinja's own attribute)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("contents"), [], [], body, lineno=line)

    def contents(self, caller: Any) -> Any:
        return caller()


def render(source: str, values: Mapping[str, Any], now: datetime) -> str:
    """The text that this template makes of these values, which stay as they are. `now`: what `strftime_now` shows."""
    given = deepcopy(dict(values)) if CHANGES.search(source) else values
    try:
        return compiled(source).render({**given, BUDGET: Budget(), "strftime_now": now.strftime})
    except Exception as error:
        raise TemplateError(str(error) or type(error).__name__) from error


@lru_cache(maxsize=1)
def environment() -> Sandbox:
    made = Sandbox(Generation, loopcontrols)
    made.globals["raise_exception"] = raise_exception
    made.filters |= {"from_json": json.loads, "fromjson": json.loads, "tojson": narrow(tojson)}
    return made


@lru_cache(maxsize=64)
def compiled(source: str) -> Template:
    return environment().compiled(source)


@lru_cache(maxsize=64)
def asks(source: str) -> frozenset[str]:
    """The variables that this template looks at, such as `tools` and `enable_thinking`; none if it does not parse."""
    try:
        return frozenset(meta.find_undeclared_variables(environment().parse(source)))
    except (JinjaError, RecursionError):
        return frozenset()


def tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys, default=plain
    )


def plain(value: Any) -> list[Any]:
    """A list of what a filter such as `map` gives piece by piece."""
    if isinstance(value, Iterator):
        return list(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def raise_exception(message: str) -> None:
    raise JinjaError(message)
