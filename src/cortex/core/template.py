"""Chat templates in Hugging Face's dialect of Jinja: sandboxed, and never an exception but TemplateError.

Source of the dialect: `transformers/utils/chat_template_utils.py` (`tojson` without HTML escapes, loop controls,
`raise_exception`, `strftime_now`, `{% generation %}`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from jinja2 import Template, nodes
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment


class TemplateError(Exception):
    """The template does not compile, or refused these messages; the message is the template's own words."""


class Generation(Extension):
    """`{% generation %}` marks what a model said, for training; here it is just its contents."""

    tags = {"generation"}  # noqa: RUF012 (Jinja's own attribute)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def render(source: str, values: Mapping[str, Any], now: datetime) -> str:
    """The text that this template makes of these values. `now` is what `strftime_now` shows."""
    try:
        return compiled(source).render(**values, strftime_now=now.strftime)
    except Exception as error:
        raise TemplateError(str(error) or type(error).__name__) from error


@lru_cache(maxsize=64)
def compiled(source: str) -> Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    return environment.from_string(source)


def tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message: str) -> None:
    raise JinjaError(message)
