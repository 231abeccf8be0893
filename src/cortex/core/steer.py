"""How much a model is to think and to say, told to its chat template where that knows of it. Knows no model by name.

What a template knows is found by rendering a small conversation, as in habits.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from cortex.core.chat import Chat
from cortex.core.errors import BadRequest
from cortex.core.habits import ASK, dressed, habits
from cortex.core.template import SOME_DAY, TemplateError, asks, render
from cortex.core.tools import TOOL

SWITCHES: Final = ("enable_thinking", "thinking")
LEVELS: Final = ("reasoning_effort", "thinking_effort")
NONE: Final = ("none", "no_think")  # what templates call no effort at all
USUAL: Final = "medium"  # what a client means that asks for nothing

Values = Mapping[str, Any]


def steered(chat: Chat, template: str) -> tuple[Chat, tuple[str, ...]]:
    """The chat with what its template is to be told, and a warning for each wish that it does not know. What the client
    gives the template itself wins. BadRequest: the template refuses this effort."""
    known = asks(template)
    given: dict[str, Any] = {}
    warnings = []
    if chat.effort:
        given |= effort(chat.effort, template)
        if chat.effort != USUAL and not is_known(template, given, chat.effort):
            warnings.append("reasoning_effort has no effect: the model's chat template knows no such level")
    if chat.verbosity and "verbosity" in known:
        given["verbosity"] = chat.verbosity
    elif chat.verbosity not in ("", USUAL):
        warnings.append("verbosity has no effect: the model's chat template does not know it")
    return replace(chat, template_args={**given, **chat.template_args}), tuple(warnings)


def effort(level: str, template: str) -> Values:
    """What tells a template of this effort."""
    each = list(ways(level, asks(template)))
    refusals = [printed(template, **given).refusal for given in each]
    if printed(template).refusal:  # of any conversation as small as ours, whatever it is told
        return each[0]
    if "" not in refusals:
        message = f"reasoning_effort: the model's chat template refuses {level!r}: {refusals[0]}"
        raise BadRequest(message, param="reasoning_effort")
    return each[refusals.index("")]


def ways(level: str, known: frozenset[str]) -> Iterator[Values]:
    """The ways to tell it, the best first. That there shall be no thought can be told by a switch alone."""
    switches: dict[str, Any] = {name: level != "none" for name in SWITCHES if name in known}
    names = [name for name in LEVELS if name in known]
    for word in NONE if level == "none" else (level,):
        yield switches | dict.fromkeys(names, word)
    if level == USUAL or (level == "none" and switches):
        yield switches


def is_known(template: str, given: Values, level: str) -> bool:
    """Whether it makes a difference, or is what the template does anyway."""
    words = [value for value in given.values() if isinstance(value, str)]
    if any(f"{quote}{word}{quote}" in template for word in words for quote in "'\""):
        return True
    other = dict.fromkeys(given, True) if level == "none" else {}
    return printed(template, **given).text != printed(template, **other).text


@dataclass(frozen=True, slots=True)
class Print:
    """What a template makes of a small conversation, or why it refuses it."""

    text: str = ""
    refusal: str = ""


@lru_cache(maxsize=256)
def printed(template: str, **given: Any) -> Print:
    """The conversation with these variables, without tools and with one."""
    known = habits(template)
    messages = dressed([ASK], known)
    values = {"messages": messages, "add_generation_prompt": True, "bos_token": "", "eos_token": "", **given}
    each = ({"tools": known.no_tools}, {"tools": [TOOL], "functions": "", "datetime": ""})
    try:
        return Print("\0".join(render(template, {**values, **tools}, SOME_DAY) for tools in each))
    except TemplateError as error:
        return Print(refusal=str(error))
