"""Chat + template -> prompt. Never lets what a client wrote become a special token, and loses none of it.

A conversation is told in the form that is nearest to what the client sent and that the template shows whole. Which form
that is, is tried with words in place of the texts (`skeleton`), so it does not depend on what the texts say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import product
from typing import Any

from cortex.core import tools
from cortex.core.chat import Chat
from cortex.core.errors import BadRequest
from cortex.core.forms import Form, forms
from cortex.core.habits import Habits, dressed, habits
from cortex.core.history import Told, hidden, marks, tell
from cortex.core.ids import AS_IT_IS
from cortex.core.job import Segment
from cortex.core.profile import Profile
from cortex.core.shield import MARKS, Shield
from cortex.core.skeleton import REFUSED, lost, skeleton, spoken
from cortex.core.template import SOME_DAY, TemplateError, asks, render
from cortex.core.tools import Show


def prompt(chat: Chat, profile: Profile, now: datetime) -> tuple[Segment, ...]:
    """The prompt of this chat, or BadRequest where the template cannot render its messages."""
    try:
        given, shield = shielded(chat, profile)
        return shield.reveal(told(given, now))
    except RecursionError as error:
        raise BadRequest("The messages or tools are nested too deep.", param="messages") from error


@dataclass(frozen=True, slots=True)
class Given:
    """What a template is given of one chat; the client's strings in it are shielded."""

    profile: Profile
    habits: Habits
    messages: list[Told]
    functions: list[Told]
    extra: Mapping[str, Any]
    shows: tuple[Show, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to tell a conversation: a form for the messages, and who shows the tools."""

    form: Form
    show: Show


def shielded(chat: Chat, profile: Profile) -> tuple[Given, Shield]:
    known = habits(profile.template)
    ids = known.ids if known.ids != AS_IT_IS else profile.dialect.ids
    messages = tell(chat.messages, ids, marks(profile.dialect, profile.template))
    return next(tried for tried in map(partial(hiding, chat, profile, messages), map(chr, MARKS)) if tried[1].is_clear)


def hiding(chat: Chat, profile: Profile, messages: Sequence[Told], mark: str) -> tuple[Given, Shield]:
    """What the template is given, as long as none of the client's strings holds this mark."""
    shield = Shield(profile.specials, mark)
    functions = [tools.as_json(tool) for tool in chat.tools]
    functions = [{**tool, "function": shield.hide(tool["function"])} for tool in functions]
    told = [tools.placed(hidden(message, shield.hide), functions) for message in messages]
    shows = tools.ways(chat, profile)
    return Given(profile, habits(profile.template), told, functions, shield.hide(chat.template_args), shows), shield


def told(given: Given, now: datetime) -> str:
    """The prompt in the first way that loses nothing; if there is none, in one that loses least."""
    reasons = []
    for way in promising(given):
        try:
            made = render(given.profile.template, values(given, way, given.messages, given.functions, now), now)
            return from_bos(made, given.profile.bos)
        except TemplateError as error:
            reasons.append(str(error))
    raise BadRequest(f"The model's chat template cannot render these messages: {reasons[0]}", param="messages")


def from_bos(text: str, bos: str) -> str:
    """The prompt without white space before its first token: engines would put that token there once more."""
    return text.lstrip() if bos and text.lstrip().startswith(bos) else text


def promising(given: Given) -> Iterator[Way]:
    """The ways that lose nothing as they are found, then the others; of those that are refused only the first."""
    bones = skeleton(given.messages)
    words = [*spoken(bones)]
    rest = []
    for way in ways(given, bones):
        tried = values(given, way, bones, [tools.TOOL], SOME_DAY)
        losses = lost(given.profile.template, tried, [*words, *tools.words(way.show, given.profile)])
        if losses == 0:
            yield way
        elif losses != REFUSED:
            rest.append((losses, way))
    yield from (way for _, way in sorted(rest, key=lambda pair: pair[0]))
    yield Way(list, given.shows[0])


def ways(given: Given, messages: list[Told]) -> Iterator[Way]:
    """The ways that tell these messages differently, the nearest to what the client sent first."""
    dialect = given.profile.dialect
    seen: dict[Show, list[list[Told]]] = {show: [] for show in given.shows}
    for form, show in product(forms(dialect, wordy=bool(dialect.prompt)), given.shows):
        if (made := form(with_tools(given, show, messages, [tools.TOOL]))) not in seen[show]:
            seen[show].append(made)
            yield Way(form, show)


def values(given: Given, way: Way, messages: list[Told], functions: list[Told], now: datetime) -> dict[str, Any]:
    """All that the template is given."""
    made = way.form(with_tools(given, way.show, messages, functions))
    shown = functions if way.show in ("template", "system") else given.habits.no_tools
    if way.show == "filled":
        shown = [tools.filled(tool) for tool in functions]
    return {
        "documents": None,
        **given.extra,
        "messages": dressed(made, given.habits),
        "tools": shown,
        **asked_for(given.profile.template, shown or (), now),
        "bos_token": given.profile.bos,
        "eos_token": given.profile.eos,
        "add_generation_prompt": True,
    }


def asked_for(template: str, shown: Sequence[Told], now: datetime) -> dict[str, str]:
    """Variables of a few templates. The time of day is left out: the prompt would be new at every second."""
    if "functions" not in asks(template):
        return {}
    functions = json.dumps([tool["function"] for tool in shown], ensure_ascii=False, indent=4)
    return {"functions": functions, "datetime": now.strftime("%b %d %Y")}


def with_tools(given: Given, show: Show, messages: list[Told], functions: list[Told]) -> list[Told]:
    """The messages with what we tell of the tools ourselves."""
    match show:
        case "words":
            return tools.instruct(messages, tools.instructions(given.profile, functions))
        case "system":
            return tools.with_system(messages)
        case _:
            return messages
