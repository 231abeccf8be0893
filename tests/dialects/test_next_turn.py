"""The next turn of a chat holds what the model said, token for token: so its KV cache has it already.

Turn 1 is a reply as the family's own template shows it, turn 2 the same chat with what came next. `templates` name chat
templates of the field's test data; what is checked with them is skipped where they are missing. Every dialect is also
checked with a template that knows no tools, where we write its calls ourselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import pytest
from replies import TOOLS
from templates import PLAIN
from test_cases import FILES, TEMPLATES
from vocabulary import Marked, accepts

from cortex.complete import call_id
from cortex.core.chat import Assistant, Chat, Message, System, ToolCall, ToolResult, User
from cortex.core.dialect import Dialect
from cortex.core.events import Reply, fold
from cortex.core.job import Segment
from cortex.core.plan import Plan, plan
from cortex.core.profile import Profile
from cortex.dialects import find, names

ASKED: Final = (System("Be brief."), User("How is the weather?"))
NEXT: Final = "snowy"  # what comes next says this
CALLS: Final = [("get_weather", {"city": "Łódź", "days": 2})]

# Where the next turn is another prompt from the reply on, or from the place that is told, and why.
DROPS: Final = "thoughts are left out as soon as a reply is history, in a turn with a call, too"
OPENS: Final = (
    "a reply to come begins behind a thought (closed, or just opened) which one that has come is shown without"
)
MOVES: Final = "the tools, or what is said of them, stand at the last message of a user, which is another one now"
MARKS: Final = "a reply that has come begins with marks that the model does not write, or is refused"
SPACE: Final = "white space before the reply is another once it has come"
LATE: Final = "the id stands behind the arguments: the client was given one of ours before the model wrote its own"
OTHERWISE: Final = {
    "llama.cpp/Apertus-8B-Instruct.jinja": ("thought", DROPS),
    "vllm/tool_chat_template_apertus.jinja": ("thought", DROPS),
    "llama.cpp/CohereForAI-c4ai-command-r7b-12-2024-tool_use.jinja": ("words", OPENS),
    "llama.cpp/CohereForAI-c4ai-command-r-plus-tool_use.jinja": ("call words", MOVES),
    "llama.cpp/deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja": ("call words", OPENS),
    "llama.cpp/llama-cpp-deepseek-r1.jinja": ("thought", DROPS),
    "llama.cpp/deepseek-ai-DeepSeek-V3.2.jinja": ("call words", OPENS),
    "llama.cpp/google-gemma-4-31B-it.jinja": ("call words", OPENS),
    "llama.cpp/google-gemma-4-31B-it-interleaved.jinja": ("call words", OPENS),
    "ollama/gemma4_31b_chat_template.jinja2": ("call words", OPENS),
    "llama.cpp/GLM-4.6.jinja": ("call words thought", MARKS),
    "vllm/tool_chat_template_granite_20b_fc.jinja": ("call words", SPACE),
    "vllm/tool_chat_template_hunyuan_a13b.jinja": ("words thought", DROPS),
    "llama.cpp/LFM2.5-Instruct.jinja": ("thought", DROPS),
    "vllm/tool_chat_template_llama4_json.jinja": ("words", SPACE),
    "llama.cpp/MiniMax-M3.jinja": ("call words", MARKS),
    "llama.cpp/Mistral-Small-3.2-24B-Instruct-2506.jinja": ("words", MOVES),
    "llama.cpp/mistralai-Ministral-3-14B-Reasoning-2512.jinja": ("thought", DROPS),
    "llama.cpp/mistralai-Mistral-Nemo-Instruct-2407.jinja": ("call words", f"{LATE}; {MOVES}"),
    "mistral-v3": ("call", LATE),
    "llama.cpp/NVIDIA-Nemotron-Nano-v2.jinja": ("thought", DROPS),
    "vllm/rust_test_qwen35.jinja": ("words", OPENS),
}


@dataclass(frozen=True)
class Family:
    """A model with this template, whose marks are single tokens and everything else is bytes."""

    profile: Profile
    marked: Marked

    @cached_property
    def first(self) -> Plan:
        return self.plan()

    def plan(self, *said: Message) -> Plan:
        return plan(Chat((*ASKED, *said), tools=TOOLS), self.profile, datetime(2026, 1, 1))

    def tokens(self, made: Plan) -> list[int]:
        return [token for segment in made.job.prompt for token in self._encode(segment)]

    def _encode(self, segment: Segment) -> list[int]:
        return self.marked.encode(segment.text) if segment.markup else list(segment.text.encode())

    def read(self, text: str) -> Reply:
        parser = self.first.parser(call_id)
        return fold([*parser.feed(text), *parser.flush()])


def follow(reply: Reply) -> tuple[Message, ...]:
    """The reply as a client sends it back, and what comes next."""
    calls = tuple(ToolCall(call.id, call.name, call.arguments) for call in reply.calls)
    said = Assistant(reply.text, calls, reply.reasoning)
    return (said, *(ToolResult(NEXT, call.id) for call in calls)) if calls else (said, User(NEXT))


def meant(reply: Reply) -> object:
    return reply.text.strip(), reply.reasoning.strip(), [(call.name, call.arguments) for call in reply.calls]


def replies(family: Family) -> Iterator[tuple[str, str]]:
    """What kinds of replies there are, each as text."""
    made, dialect = family.first, family.profile.dialect
    opener, closer = dialect.reasoning
    prompt = "".join(segment.text for segment in made.job.prompt).rstrip()
    thought = f"so.{closer}{dialect.joint or chr(10)}"
    span = next(iter(dialect.text), None)
    words = f"{span.open}It rains.{span.close}" if span else "It rains."
    if made.reading.thought == "open":
        yield "thought", thought + dialect.write(CALLS)
        return
    yield "call", dialect.write(CALLS)
    yield "words", words
    if made.reading.thought == "may" and not prompt.endswith(closer.rstrip()):
        yield "thought", opener + thought + dialect.write(CALLS)


def found(family: Family, text: str) -> str | None:
    """The reply that means what this one means and that the next turn holds, token for token."""
    made, reply = family.first, family.read(text)
    before = "".join(segment.text for segment in made.job.prompt)
    after = "".join(segment.text for segment in family.plan(*follow(reply)).job.prompt)
    if not after.startswith(before):
        return None
    shown = after[len(before) : after.index(NEXT)]
    for end in range(len(shown), 0, -1):
        told = family.read(shown[:end])
        if meant(told) == meant(reply) and accepts(made.job.grammar or "", shown[:end], family.marked):
            whole = [*family.tokens(made), *family.marked.encode(shown[:end])]
            if family.tokens(family.plan(*follow(told)))[: len(whole)] == whole:
                return shown[:end]
    return None


def family(dialect: Dialect, template: str) -> Family:
    marked = Marked.of(dialect)
    return Family(Profile("m", template, dialect, marked.specials), marked)


def otherwise(one: Family) -> str:
    """The kinds of replies that the next turn does not hold."""
    return " ".join(kind for kind, text in replies(one) if found(one, text) is None)


@pytest.mark.parametrize(("dialect", "name"), TEMPLATES)
def test_behind_the_makers_template_the_reply_is_found_token_for_token(
    dialect: Dialect, name: str, shared_data: Path
) -> None:
    template = (shared_data / "templates" / name).read_text()
    assert otherwise(family(dialect, template)) == OTHERWISE.get(name, ("", ""))[0]


@pytest.mark.parametrize("name", names())
def test_where_the_template_knows_no_calls_the_reply_is_found_token_for_token(name: str) -> None:
    assert otherwise(family(find(name), PLAIN)) == OTHERWISE.get(name, ("", ""))[0]


def test_every_exception_is_of_a_template_or_a_dialect() -> None:
    known = {template for file in FILES.values() for template in file.get("templates", ())}
    assert OTHERWISE.keys() <= known | set(names())
