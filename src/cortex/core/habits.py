"""What a chat template wants to be told, found by rendering small conversations. Knows no model by its name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any, Final, Literal

from cortex.core.history import STRAY, Told
from cortex.core.ids import AS_IT_IS, NINE, Ids
from cortex.core.template import SOME_DAY, TemplateError, render
from cortex.core.tools import TOOL

Empty = Literal["", "none", "absent"]
EMPTY: Final[tuple[Empty, ...]] = ("", "none", "absent")
THOUGHTS: Final = ("reasoning_content", "reasoning", "thinking")
ROLES: Final = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Habits:
    """How one template takes what it is told.

    `mapping`: a call's arguments as an object, else as JSON text. `text`: arguments that are no object, as any text.
    `parts`: the roles whose content is a list of parts, where others have a string. `empty`: what stands for the
    content of a message that has only calls. `thought`: the key of a thought. `ids`: what ids look like, where the
    template itself checks them. `no_tools`: what `tools` is where there are none.
    """

    mapping: bool = True
    text: bool = True
    parts: frozenset[str] = frozenset()
    empty: Empty = ""
    thought: str = THOUGHTS[0]
    ids: Ids = AS_IT_IS
    no_tools: tuple[()] | None = None


# Dressing


def dressed(messages: Iterable[Told], habits: Habits) -> list[Told]:
    """The messages in the form that a template of these habits takes."""
    return [dress(message, habits) for message in messages]


def dress(message: Told, habits: Habits) -> Told:
    out = {key: value for key, value in message.items() if key not in (STRAY, "reasoning_content")}
    if "reasoning_content" in message:
        out[habits.thought] = message["reasoning_content"]
    if calls := message.get("tool_calls"):
        out["tool_calls"] = [dress_call(call, habits) for call in calls]
        if not message["content"] and habits.empty:
            out["content"] = None
        if not message["content"] and habits.empty == "absent":
            del out["content"]
    if message["role"] in habits.parts and out.get("content") is not None:
        out["content"] = [{"type": "text", "text": message["content"], "name": message.get("name", "")}]
    return out


def dress_call(call: Told, habits: Habits) -> Told:
    function = call["function"]
    return {**call, "function": {**function, "arguments": dress_arguments(function["arguments"], habits)}}


def dress_arguments(given: Mapping[str, Any] | str, habits: Habits) -> Mapping[str, Any] | str:
    if isinstance(given, str):
        return given if habits.text else {"arguments": given}
    return given if habits.mapping else json.dumps(given, ensure_ascii=False)


# Probing

ASK: Final[Told] = {"role": "user", "content": "quailuser"}
MAPPING: Final = {"quailkey": "quailvalue"}


@lru_cache(maxsize=64)
def habits(template: str) -> Habits:
    """The habits of this template. It costs some twenty small renderings, once."""
    found = Habits(no_tools=None if printed(template, [ASK], tools=None) else ())
    found = replace(found, parts=frozenset(role for role in ROLES if wants_parts(template, role, found)))
    variants = (
        replace(found, ids=ids, mapping=mapping, empty=empty)
        for ids, mapping, empty in product((AS_IT_IS, NINE), (True, False), EMPTY)
    )
    found = next((variant for variant in variants if shows_call(template, variant)), found)
    return replace(found, text=takes_text(template, found), thought=thought_key(template, found))


def printed(template: str, messages: Sequence[Told], tools: Sequence[Told] | None = (TOOL,)) -> str:
    """What the template makes of these; "" where it refuses them."""
    values = {"messages": messages, "tools": tools, "add_generation_prompt": True, "bos_token": "", "eos_token": ""}
    try:
        return render(template, {**values, "functions": "", "datetime": ""}, SOME_DAY)
    except TemplateError:
        return ""


def wants_parts(template: str, role: str, found: Habits) -> bool:
    message = {"role": role, "content": "quailword", "name": "quailtool", "tool_call_id": "quailcall"}
    before = {"system": [], "user": [], "assistant": [ASK], "tool": [ASK, calling(MAPPING)]}[role]
    after = [] if role == "user" else [ASK]
    for parts in (frozenset[str](), frozenset({role})):
        text = printed(template, dressed([*before, message, *after], replace(found, parts=parts, ids=NINE)))
        if "quailword" in text and "'quailword'" not in text:
            return bool(parts)
    return False


def calling(arguments: Mapping[str, Any] | str, content: str = "", id: str = "quailcall") -> Told:
    call = {"id": id, "type": "function", "function": {"name": "quailtool", "arguments": arguments}}
    return {"role": "assistant", "content": content, "tool_calls": [call]}


def exchange(found: Habits, arguments: Mapping[str, Any] | str = MAPPING, **more: str) -> list[Told]:
    id = "quailcall" if found.ids == NINE else "q-1"  # some count the letters, some forbid what is none
    answer = {"role": "tool", "content": "quailresult", "tool_call_id": id, "name": "quailtool"}
    return dressed([ASK, {**calling(arguments, id=id), **more}, answer], found)


def shows_call(template: str, found: Habits) -> bool:
    """Whether a call of the history is shown as calls are: not as Python prints it, no JSON within JSON."""
    text = printed(template, exchange(found))
    ugly = ("{'quailkey'", '\\"quailkey', "None")
    return "quailkey" in text and "quailvalue" in text and not any(word in text for word in ugly)


def takes_text(template: str, found: Habits) -> bool:
    return "quailplain" in printed(template, exchange(replace(found, text=True), "quailplain"))


def thought_key(template: str, found: Habits) -> str:
    """The key under which the template looks for a thought; the usual one, if it shows none at all."""
    keys = (key for key in THOUGHTS if key in template)
    shown = (
        key
        for key in keys
        if "quailthought" in printed(template, exchange(replace(found, thought=key), reasoning_content="quailthought"))
    )
    return next(shown, THOUGHTS[0])
