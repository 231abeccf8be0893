"""Everything that is decided before the first token. Pure; raises BadRequest and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar

from cortex.core import grammar
from cortex.core.chat import Chat, Tool
from cortex.core.dialect import Dialect
from cortex.core.errors import BadRequest
from cortex.core.hints import hints
from cortex.core.inline import Inline
from cortex.core.job import Job, Part, Segment
from cortex.core.parse import Parser, Reading
from cortex.core.passage import Passage
from cortex.core.profile import Profile
from cortex.core.prompt import prompt
from cortex.core.ready import place, ready
from cortex.core.rules import Rules, Thought
from cortex.core.schema import arguments
from cortex.core.steer import steered


@dataclass(frozen=True, slots=True)
class Plan:
    """One reply to come: what the engine is to do, how its text is read, and what ends the visible text.

    `warnings` name what of the request is not obeyed: keywords of schemas, and wishes that the template does not know.
    `parts` are those of the job, made only where its grammar does not compile. `thoughts` are those of the `Chat`.
    """

    job: Job
    dialect: Dialect
    reading: Reading
    stop: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    parts: Callable[[], tuple[Part, ...]] = tuple
    thoughts: Literal["apart", "inside", "both"] = "apart"

    def parser(self, new_id: Callable[[str], str]) -> Parser:
        return Parser(self.dialect, self.reading, new_id)

    def inline(self) -> Inline:
        return Inline(self.dialect.reasoning, self.thoughts)


def plan(chat: Chat, profile: Profile, now: datetime) -> Plan:
    """The plan of this chat. The prompt is the same for every choice that allows calls: the cache is reused."""
    chat, notes = steered(chat, profile.template)
    segments = prompt(chat, profile, now)
    chat, warnings = ready(chat, profile.dialect.notation)
    tools = callable_tools(chat)
    thinking = thought(segments, profile) if not chat.grammar else "no"  # the client's grammar is for all that is said
    rules = Rules(tools, chat.choice.mode == "required", chat.parallel, chat.schema, thinking)
    job = Job(
        prompt=segments,
        grammar=constrain(chat, profile, rules),
        sampling=chat.sampling,
        max_tokens=chat.max_tokens,
        logprobs=chat.logprobs,
        ignore_eos=chat.ignore_eos,
        prediction=chat.prediction,
        hints=hints(profile.dialect, tools),
    )
    reading = Reading(
        names={tool.name: arguments(tool) for tool in tools},
        must=rules.must,
        loose=chat.schema is None and not rules.must,
        thought=thinking,
    )
    return Plan(job, profile.dialect, reading, chat.stop, (*notes, *warnings), partial(parts, chat), chat.thoughts)


Asked = Plan | Passage
A = TypeVar("A", bound=Asked)


def another(plan: A, number: int) -> A:
    """The plan of reply number `number` (0 is the first) to the same request: it draws with a seed of its own."""
    sampling = plan.job.sampling
    if sampling.seed is None:
        return plan
    return replace(plan, job=replace(plan.job, sampling=replace(sampling, seed=sampling.seed + number)))


def callable_tools(chat: Chat) -> tuple[Tool, ...]:
    """The tools that the reply may call."""
    if chat.choice.mode == "none":
        return ()
    only = chat.choice.only
    unknown = (only or frozenset()) - {tool.name for tool in chat.tools}
    if unknown or (chat.choice.mode == "required" and not chat.tools):
        missing = ", ".join(sorted(unknown)) or "a tool"
        raise BadRequest(f"tool_choice asks for {missing}, which is not in 'tools'.", param="tool_choice")
    return tuple(tool for tool in chat.tools if only is None or tool.name in only)


def thought(segments: tuple[Segment, ...], profile: Profile) -> Thought:
    """Whether a thought was opened by the prompt, may come, or cannot."""
    text = "".join(segment.text for segment in segments).rstrip()
    spans = profile.dialect.thought
    if any(text.endswith(span.open.rstrip()) for span in spans):
        return "open"
    known = any(mark.strip() in profile.template for span in spans for mark in (span.open, span.close))
    return "may" if known else "no"


def constrain(chat: Chat, profile: Profile, rules: Rules) -> str | None:
    """The grammar of the reply, or None where it is free. One of the client's own does not go with any of ours."""
    if chat.grammar and (chat.tools or chat.schema is not None):
        other = "tools" if chat.tools else "response_format"
        raise BadRequest(f"grammar is for the whole reply: it cannot be used together with {other}", param="grammar")
    if chat.grammar:
        return chat.grammar
    if rules.tools or chat.schema is not None:
        return grammar.build(profile.dialect, rules, profile.specials)
    if chat.tools:
        return grammar.silent(profile.dialect, Rules(chat.tools, thought=rules.thought), profile.specials)
    return None


def parts(chat: Chat) -> tuple[Part, ...]:
    """Each schema alone, so that an engine can say which of them is at fault; or the client's own grammar."""
    if chat.grammar:
        return (Part("grammar", chat.grammar),)
    tools = (
        Part(place(tool, number), grammar.check(arguments(tool), strict=tool.strict))
        for number, tool in enumerate(chat.tools)
    )
    answer = () if chat.schema is None else (Part("response_format", grammar.check(chat.schema)),)
    return (*tools, *answer)
