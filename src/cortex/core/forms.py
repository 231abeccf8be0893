"""Other forms of a conversation, for templates that refuse it or drop a part. Each form says the same in other places.

A form is a function from messages to messages. None of them looks into a text, so what a form does to a conversation
can be tried out with words that stand for the texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from cortex.core.dialect import Dialect
from cortex.core.drawing import fill
from cortex.core.history import STRAY, Told

RESULTS: Final = "The functions returned:\n«results»"
RESULT: Final = "«name»: «result»"
Form = Callable[[list[Told]], list[Told]]


@dataclass(frozen=True, slots=True)
class Chain:
    """Forms one after the other."""

    forms: tuple[Form, ...]

    def __call__(self, messages: list[Told]) -> list[Told]:
        for form in self.forms:
            messages = form(messages)
        return messages


def forms(dialect: Dialect, *, wordy: bool = False) -> Iterator[Form]:
    """All forms, the nearest to what the client sent first. `wordy`: the template is known to show no calls."""

    def words(messages: list[Told]) -> list[Told]:
        return in_words(messages, dialect)

    def strays(messages: list[Told]) -> list[Told]:
        return in_words(messages, dialect, only_strays=True)

    calls: tuple[Form, ...] = (list, strays, text_apart, one_call_each, each_apart, words)
    systems: tuple[Form, ...] = (list, one_system, system_in_user)
    turns: tuple[Form, ...] = (list, alternating, bridged)
    for call, turn, system in product(calls[-1:] if wordy else calls, turns, systems):
        yield Chain((call, system, turn))


# Calls and results


def text_apart(messages: list[Told]) -> list[Told]:
    """What is said beside a call as a message of its own: some templates show either the text or the calls."""
    out: list[Told] = []
    for message in messages:
        if message.get("tool_calls") and message["content"]:
            out.append({key: value for key, value in message.items() if key != "tool_calls"})
            message = {"role": "assistant", "content": "", "tool_calls": message["tool_calls"]}
        out.append(message)
    return out


def one_call_each(messages: list[Told]) -> list[Told]:
    """Calls that were made at once as one after the other, each with its result: Llama 3 knows no others."""
    out: list[Told] = []
    waiting: list[Told] = []  # calls whose message is not written yet, each as a message
    for message in messages:
        if message["role"] == "tool":
            mine = [call for call in waiting if call["tool_calls"][0]["id"] == message["tool_call_id"]]
            out += [*mine[:1], message]
            waiting = [call for call in waiting if call not in mine[:1]]
            continue
        out += waiting
        first, *waiting = single(message)
        out += [first] if not waiting else []
        waiting = [first, *waiting] if waiting else []
    return out + waiting


def single(message: Told) -> list[Told]:
    """The message, once for each of its calls."""
    calls = message.get("tool_calls", ())
    if len(calls) < 2:
        return [message]
    first, *rest = calls
    return [
        {**message, "tool_calls": [first]},
        *({"role": "assistant", "content": "", "tool_calls": [c]} for c in rest),
    ]


def each_apart(messages: list[Told]) -> list[Told]:
    return text_apart(one_call_each(messages))


def in_words(messages: Sequence[Told], dialect: Dialect, *, only_strays: bool = False) -> list[Told]:
    """Calls and results in plain messages. `only_strays`: no others than results that answer no call."""
    out: list[Told] = []
    answers: list[str] = []
    for message in messages:
        if message["role"] == "tool" and (STRAY in message or not only_strays):
            name, text = message["name"], message["content"]
            answers.append(fill(dialect.result or RESULT, {"name": name, "result": text}))
            continue
        out += [told_results(answers, dialect)] if answers else []
        answers = []
        out.append(message if only_strays else written(message, dialect))
    return [*out, told_results(answers, dialect)] if answers else out


def told_results(answers: Sequence[str], dialect: Dialect) -> Told:
    return {"role": "user", "content": fill(dialect.results or RESULTS, {"results": "\n".join(answers)})}


def written(message: Told, dialect: Dialect) -> Told:
    """The message with its calls as the model would have written them."""
    if not message.get("tool_calls"):
        return message
    functions = [call["function"] for call in message["tool_calls"]]
    ids = [dialect.ids.inner(call["id"]) for call in message["tool_calls"]]
    calls = dialect.write([(function["name"], function["arguments"]) for function in functions], ids)
    rest = {key: value for key, value in message.items() if key != "tool_calls"}
    return {**rest, "content": "\n".join(filter(None, (message["content"], calls)))}


# Order and roles


def one_system(messages: list[Told]) -> list[Told]:
    """All system messages as one at the beginning: few templates take them anywhere else."""
    system = [message["content"] for message in messages if message["role"] == "system"]
    rest = [message for message in messages if message["role"] != "system"]
    return [{"role": "system", "content": "\n\n".join(system)}, *rest] if system else rest


def system_in_user(messages: list[Told]) -> list[Told]:
    """The system message as the beginning of the first user message."""
    match one_system(messages):
        case [{"role": "system", "content": system}, {"role": "user"} as user, *rest]:
            return [{**user, "content": "\n\n".join(filter(None, (system, user["content"])))}, *rest]
        case [{"role": "system"} as system, *rest]:
            return [{**system, "role": "user"}, *rest]
        case others:
            return others


def alternating(messages: list[Told]) -> list[Told]:
    """User and assistant by turns, the user first: neighbours of one role become one message, empty answers none."""
    out: list[Told] = []
    for message in filter(says_something, messages):
        if out and joinable(out[-1], message):
            text = "\n\n".join(filter(None, (out[-1]["content"], message["content"])))
            out[-1] = {**out[-1], **message, "content": text}
        else:
            out.append(message)
    first = next((at for at, message in enumerate(out) if message["role"] != "system"), len(out))
    if first == len(out) or out[first]["role"] != "user":
        out.insert(first, {"role": "user", "content": ""})
    return out


def says_something(message: Told) -> bool:
    return message["role"] != "assistant" or bool(message["content"] or "tool_calls" in message)


def joinable(before: Told, message: Told) -> bool:
    return before["role"] == message["role"] and message["role"] != "tool" and "tool_calls" not in before


def bridged(messages: list[Told]) -> list[Told]:
    """The same, with an empty answer between a call, or its result, and a user who went on without waiting for it."""
    out: list[Told] = []
    for message in alternating(messages):
        if message["role"] == "user" and out and (out[-1]["role"] == "tool" or "tool_calls" in out[-1]):
            out.append({"role": "assistant", "content": ""})
        out.append(message)
    return out
