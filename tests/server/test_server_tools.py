"""Custom tools and the functions of 2023 on real weights, through the real client: whole and streamed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lark
import openai
import pytest
from openai import OpenAI
from played import serving

from cortex.models import importing
from cortex.models.store import Store
from cortex.server.local import LocalService

pytestmark = pytest.mark.model

MODEL = "qwen2.5-coder:0.5b"
ASK: Any = [{"role": "user", "content": 'Add 17 and 25, then say "hello\\n" to everybody.'}]
DATE = r'"\d{4}-\d{2}-\d{2}"\n?'
SUM = """
start: "\\"" expr "\\"\\n"
expr: term (" " ("+" | "-") " " term)*
term: /[0-9]{1,4}/ | "(" expr ")"
"""
FUNCTION: Any = {
    "name": "add",
    "description": "Add two numbers",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
                   "required": ["a", "b"]},
}  # fmt: skip


def custom(name: str, **form: Any) -> Any:
    told = {"name": name, "description": f"{name} something"}
    return {"type": "custom", "custom": {**told, "format": {"type": "grammar", "grammar": form}} if form else told}


DIAL, ADD, NOTE = (
    custom("dial", syntax="regex", definition=DATE),
    custom("add", syntax="lark", definition=SUM),
    custom("note"),
)
TOOLS = [DIAL, ADD, NOTE, {"type": "function", "function": FUNCTION | {"name": "sum"}}]


@pytest.fixture(scope="module")
def client(qwen_coder_05: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    store = Store(tmp_path_factory.mktemp("data"))
    importing.add(store, MODEL, qwen_coder_05)
    with serving(LocalService(store)) as local, OpenAI(base_url=f"{local.url}/v1", api_key="x") as client:
        yield client.with_options(max_retries=0)


def ask(client: OpenAI, **options: Any) -> Any:
    given = {"model": MODEL, "messages": ASK, "temperature": 0, "max_tokens": 120, **options}
    return client.chat.completions.create(**given)


def named(tool: Any) -> Any:
    return {"type": "custom", "custom": {"name": tool["custom"]["name"]}}


def streamed(chunks: Any) -> tuple[list[dict[str, str]], str]:
    """The custom calls that a stream's entries add up to, and how it ended."""
    calls: list[dict[str, str]] = []
    reason = ""
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        reason = choice.finish_reason or reason
        for entry in choice.delta.tool_calls or []:
            if entry.index == len(calls):
                calls.append({"id": entry.id, "type": entry.type, "name": entry.custom["name"], "input": ""})
            calls[entry.index]["input"] += entry.custom["input"]
    return calls, reason


def follows(text: str, tool: Any) -> bool:
    """Whether other parsers than ours say that the text is right."""
    if tool is DIAL:
        return re.fullmatch(DATE, text) is not None
    lark.Lark(SUM).parse(text)
    return True


@pytest.mark.parametrize("dialect", ["fallback", "hermes", "qwen3-coder", "llama-pythonic"])
@pytest.mark.parametrize("tool", [DIAL, ADD], ids=["regex", "lark"])
def test_a_forced_custom_call_follows_its_definition(client: OpenAI, tool: Any, dialect: str) -> None:
    asked = {"tools": TOOLS, "tool_choice": named(tool), "extra_body": {"dialect": dialect}}
    whole = ask(client, **asked).choices[0]
    (call,) = whole.message.tool_calls
    (told,), reason = streamed(ask(client, **asked, stream=True))
    assert call.type == told["type"] == "custom"
    assert call.custom.name == told["name"] == tool["custom"]["name"]
    assert call.id.startswith("call_")
    assert told["id"].startswith("call_")
    assert whole.finish_reason == reason == "tool_calls"
    assert follows(call.custom.input, tool)
    assert follows(told["input"], tool)  # not the same one: the model is so unsure that rounding changes what it says


def test_a_custom_call_of_any_text_is_answered_in_the_next_turn(client: OpenAI) -> None:
    first = ask(client, tools=TOOLS, tool_choice=named(NOTE)).choices[0]
    (call,) = first.message.tool_calls
    assert call.custom.name == "note"
    result = {"role": "tool", "tool_call_id": call.id, "content": "noted"}
    history = [*ASK, first.message.model_dump(exclude_none=True), result]
    second = ask(client, messages=history, tools=TOOLS, tool_choice="none").choices[0]
    assert second.message.content


def test_custom_tools_are_among_the_allowed(client: OpenAI) -> None:
    allowed = {"mode": "required", "tools": [named(DIAL), named(ADD)]}
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    reply = ask(client, tools=TOOLS, tool_choice=choice, parallel_tool_calls=False).choices[0]
    (call,) = reply.message.tool_calls
    assert call.custom.name in ("dial", "add")


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"syntax": "lark", "definition": "start: A"}, "not defined"),
        ({"syntax": "regex", "definition": "(?=a)"}, "cannot be enforced"),
    ],
)
def test_a_definition_that_cannot_be_followed_is_a_400_that_names_it(client: OpenAI, form: Any, says: str) -> None:
    with pytest.raises(openai.BadRequestError, match=says) as refused:
        ask(client, tools=[NOTE, custom("bad", **form)])
    assert refused.value.param == "tools.1.custom.format.grammar.definition"


def test_a_function_call_of_2023_is_made_and_answered(client: OpenAI) -> None:
    asked = {"functions": [FUNCTION], "function_call": {"name": "add"}}
    ask(client, **asked, max_tokens=1)
    whole = ask(client, **asked).choices[0]
    assert (whole.finish_reason, whole.message.function_call.name) == ("function_call", "add")
    assert whole.message.tool_calls is None
    deltas = [choice for chunk in ask(client, **asked, stream=True) for choice in chunk.choices]
    calls = [choice.delta.function_call for choice in deltas if choice.delta.function_call]
    assert [call.name for call in calls if call.name] == ["add"]
    assert "".join(call.arguments for call in calls) == whole.message.function_call.arguments
    assert deltas[-1].finish_reason == "function_call"
    history = [*ASK, whole.message.model_dump(exclude_none=True), {"role": "function", "name": "add", "content": "42"}]
    answer = ask(client, messages=history, functions=[FUNCTION], function_call="none").choices[0]
    assert (answer.finish_reason, bool(answer.message.content)) == ("stop", True)


def test_a_wish_that_the_template_does_not_know_is_named(client: OpenAI) -> None:
    reply = ask(client, reasoning_effort="high", verbosity="low", max_tokens=1)
    told = " ".join(reply.model_extra["cortex"]["warnings"])
    assert "reasoning_effort has no effect" in told
    assert "verbosity has no effect" in told
