"""One recorded model output -> what our parser makes of it -> whether that is as recorded. Never reads a file.

A case is a row of JSON: `id`, `family`, `kind`, `model_output`, `tools` (OpenAI's form; null: any name is a tool's),
`expected` (`content`, `reasoning_content`, `tool_calls`), `params`, `note`. Of `params` count:

    scope                   what the source looked at: see verdict.py
    prompt_opens_reasoning  the output begins inside the thought
    template_file           the chat template whose generation prompt the output follows; whether a thought is open
                            follows from rendering it with enable_thinking
    thinking, enable_thinking (also in chat_template_kwargs)    false: the marks of a thought are text
    reasoning_format        "none": the thought stays in the content
    tool_choice             "required": the reply is calls and nothing else
    json_schema             the answer itself is JSON, so loose JSON is not a call

The spellings <bos> and <eos> in an output are tokens that an engine never hands on as text: they are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Literal

from cortex.core.chat import Schema, Tool
from cortex.core.dialect import Dialect
from cortex.core.errors import BadRequest
from cortex.core.parse import Parser, Reading
from cortex.core.rules import Thought
from cortex.core.schema import arguments
from cortex.core.template import TemplateError, render
from cortex.core.verdict import Expected, Heard, Problem, heard, problems, unlike

Cuts = Literal["all", "chars", "none"]
LONG = 400  # characters: up to here a text is cut in two at every place, which takes quadratic time
SIZES = (2, 3, 5, 7, 16, 64)  # of the pieces that a longer text is cut into
CONTROL = re.compile("<bos>|<eos>")
SILENT = "null content/reasoning = not asserted"  # a note of the data: the source looked at what is there, no more


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded output. `thought` is None where the prompt decides it; `template` names the prompt's template.

    `inline`: the expected content holds the thought. `arguments` are the template's own, beside messages and tools.
    """

    id: str
    family: str
    kind: str
    text: str
    expected: Expected
    tools: Sequence[Mapping[str, Any]] | None = None
    thought: Thought | None = None
    template: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    must: bool = False
    loose: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one case went. `cut` says how the text was cut where the problems were seen."""

    case: Case
    dialect: str
    thought: Thought
    problems: tuple[Problem, ...] = ()
    cut: str = "whole"

    @property
    def passed(self) -> bool:
        return not self.problems


class Broken(Exception):
    """The parser raised."""


# Rows -> cases


def case(row: Mapping[str, Any]) -> Case:
    """The case of one row, or BadRequest that says what is missing."""
    try:
        return _case(row, row["params"] or {})
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest(f"not a case: {error!r}") from error


def _case(row: Mapping[str, Any], params: Mapping[str, Any]) -> Case:
    note = row.get("note") or ""
    return Case(
        id=row["id"],
        family=row["family"],
        kind=row["kind"],
        text=CONTROL.sub("", row["model_output"]),
        expected=Expected(
            content=row["expected"]["content"],
            reasoning=row["expected"]["reasoning_content"],
            calls=tuple((call["name"], call["arguments"]) for call in row["expected"]["tool_calls"]),
            scope=params.get("scope", "full"),
            inline=params.get("reasoning_format") == "none",
            lenient=row["kind"] == "malformed_or_plain_markers",
            silent=SILENT in note,
            untyped=row["tools"] is None,
        ),
        tools=row["tools"] if readable(row["tools"]) else None,
        thought=_thought(params),
        template=(params.get("template_file") or "").split(" | ")[0],
        arguments={"enable_thinking": params.get("enable_thinking", True)},
        must=params.get("tool_choice") == "required",
        loose="json_schema" not in params,
        note=note,
    )


def _thought(params: Mapping[str, Any]) -> Thought | None:
    """What the case itself says of the thought."""
    if params.get("prompt_opens_reasoning"):
        return "open"
    if params.get("template_file"):
        return None
    told = {**params, **(params.get("chat_template_kwargs") or {})}
    off = False in (told.get("thinking"), told.get("enable_thinking"))
    return "no" if off else None


def readable(tools: Sequence[Any] | None) -> bool:
    """Whether the tools are in OpenAI's form; where a source's own form was kept, any name counts."""
    return tools is not None and all(isinstance(tool.get("function", {}), dict) for tool in tools)


def functions(tools: Sequence[Mapping[str, Any]]) -> dict[str, Schema]:
    """The parameters of OpenAI's tools by name; what is no function is left out."""
    found: dict[str, Schema] = {}
    for tool in tools:
        match tool:
            case {"function": {"name": str(name), "parameters": dict(schema)}}:
                found[name] = schema
            case {"function": {"name": str(name)}}:
                found[name] = {}
    return found


# Case -> reading


def thought(case: Case, dialect: Dialect, template: str, now: datetime) -> Thought:
    """Whether the output begins in a thought: as the case says, else as its prompt ends, else as the output tells.

    An output that closes a thought which it has not opened began in one.
    """
    if case.thought is not None:
        return case.thought
    openers, closers = marks(dialect)
    closes = first(closers, case.text) < first(openers, case.text)
    opened = bool(template) and prompt(template, case, now).rstrip().endswith(openers)
    return "open" if closes or (opened and not case.expected.inline) else "may"


def first(marks: Iterable[str], text: str) -> int:
    """Where the first of these marks stands; the text's length where none does."""
    return min((at for mark in marks if (at := text.find(mark)) >= 0), default=len(text))


def marks(dialect: Dialect) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What opens and what closes a thought and nothing else, less white space."""
    others = {span.close for span in dialect.text}
    openers = (span.open.strip() for span in dialect.thought)
    closers = (span.close.strip() for span in dialect.thought if span.close not in others)
    return tuple(filter(None, openers)), tuple(filter(None, closers))


def prompt(template: str, case: Case, now: datetime) -> str:
    """The prompt that the output followed, "" where the template does not render it."""
    asked = {"messages": [{"role": "user", "content": "?"}], "tools": case.tools}
    try:
        return render(template, {**asked, **case.arguments, "add_generation_prompt": True}, now)
    except TemplateError:
        return ""


def reading(tools: Mapping[str, Schema] | None, thought: Thought, *, must: bool = False, loose: bool = True) -> Reading:
    """How a text is read that is no reply to a request. `tools`: parameters by name; None: any name is a tool's."""
    names = None if tools is None else {name: arguments(Tool(name, parameters=tools[name])) for name in tools}
    return Reading(names=names, must=must, loose=loose, thought=thought, free=True)


# Case -> verdict


def replay(case: Case, dialect: Dialect, *, cuts: Cuts = "none", template: str = "", now: datetime) -> Verdict:
    """Read the case whole and in pieces; the verdict on it. `template` is the text of the case's template."""
    thinking = thought(case, dialect, template, now)

    def verdict(cut: str, *problems: Problem) -> Verdict:
        return Verdict(case, dialect.name, thinking, problems, cut)

    try:
        told = asked(case, thinking)
        whole = hear(dialect, told, [case.text])
    except Broken as error:
        return verdict("whole", Problem("exception", "none", str(error)))
    found = problems(case.expected, whole, case.text, dialect)
    if found:
        return verdict("whole", *found)
    for cut, pieces in ways(case.text, cuts):
        try:
            differing = unlike(whole, hear(dialect, told, pieces))
        except Broken as error:
            differing = (Problem("exception", "none", str(error)),)
        if differing:
            return verdict(cut, *differing)
    return verdict("whole")


def asked(case: Case, thought: Thought) -> Reading:
    """How the case is read; Broken where its tools are too much for us."""
    try:
        tools = None if case.tools is None else functions(case.tools)
        return reading(tools, thought, must=case.must, loose=case.loose)
    except Exception as error:
        raise Broken(f"{type(error).__name__}: {error}") from error


def hear(dialect: Dialect, reading: Reading, pieces: Iterable[str]) -> Heard:
    """What the parser makes of a text in these pieces; Broken where it raises, which it never should."""
    numbers = count()
    try:
        parser = Parser(dialect, reading, lambda _: f"call_{next(numbers)}")
        events = [event for piece in pieces for event in parser.feed(piece)]
        return heard([*events, *parser.flush()])
    except Exception as error:
        raise Broken(f"{type(error).__name__}: {error}") from error


def ways(text: str, cuts: Cuts) -> Iterator[tuple[str, Iterable[str]]]:
    """The ways to cut a text, each with words for it. All of them give the same reply."""
    if cuts == "none":
        return
    yield "character by character", text
    if cuts == "chars":
        return
    if len(text) <= LONG:
        for at in range(1, len(text)):
            yield f"cut after {at}: …{text[max(0, at - 20) : at]}✂{text[at : at + 20]}…", (text[:at], text[at:])
        return
    for size in SIZES:
        yield f"in pieces of {size}", [text[at : at + size] for at in range(0, len(text), size)]
