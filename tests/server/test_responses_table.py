"""The wire table of `/v1/responses`: what a request's JSON becomes, or how it is refused. Each field has a row."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from openai.types.responses import response_create_params as spec
from test_wire_table import DEFAULTS, sampled

from cortex.core import custom
from cortex.core.chat import Assistant, Chat, Choice, Input, Message, Sampling, System, Tool, ToolCall, ToolResult, User
from cortex.core.errors import BadRequest
from cortex.server.wire import completions, fields, responses
from cortex.server.wire.fields import Accepted, Obeyed, Refused
from cortex.server.wire.items import Item
from cortex.server.wire.responses import ResponseRequest
from cortex.server.wire.responses_fields import TABLE

LOOK: dict[str, Any] = {"type": "function", "name": "look"}
GO: dict[str, Any] = {"type": "function", "name": "go", "strict": True, "description": "Go."}
SAY: dict[str, Any] = {"type": "custom", "name": "say"}
DIAL: dict[str, Any] = {"type": "custom", "name": "dial",
                        "format": {"type": "grammar", "syntax": "regex", "definition": "[0-9]+"}}  # fmt: skip
TOOLS = (Tool("look"), Tool("go", "Go.", strict=True))
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


class Past:
    """Two earlier responses: `resp_1` said Hello, `resp_2` asked to look."""

    items: Mapping[str, Item] = {
        "msg_1": {"type": "message", "id": "msg_1", "role": "user", "content": [{"type": "input_text", "text": "A"}]},
        "fc_1": {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": "{}"},
    }

    def conversation(self, id: str) -> Sequence[Item] | None:
        return tuple(self.items.values()) if id == "resp_1" else None

    def item(self, id: str) -> Item | None:
        return self.items.get(id)


def read(sent: dict[str, Any], **options: Any) -> ResponseRequest:
    return responses.read({"model": "m", "input": "Hi", **sent}, DEFAULTS, Past(), lambda kind: f"{kind}0", **options)


def chat(**changes: Any) -> Chat:
    return Chat(**{"messages": (User("Hi"),), "max_tokens": 99, "stop": ("END",), **sampled(), **changes})


IMAGE = {"type": "input_image", "image_url": "data:x"}
CALL = {"type": "function_call", "call_id": "c", "name": "look", "arguments": '{"a": 1}'}
CALLED = ToolCall("c", "look", '{"a": 1}')
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "done"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
ANSWER = {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
          "content": [{"type": "output_text", "text": "Yes.", "annotations": []}]}  # fmt: skip


RIGHT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"instructions": "Be brief."}, {"messages": (System("Be brief."), User("Hi"))}),
    ({"tools": [LOOK, GO]}, {"tools": TOOLS}),
    ({"tools": [SAY, DIAL]}, {"tools": (custom.tool("say", "", Input(), ""),
                                        custom.tool("dial", "", Input("regex", "[0-9]+"), ""))}),
    ({"tools": [LOOK, GO], "tool_choice": "none"}, {"tools": TOOLS, "choice": Choice("none")}),
    ({"tools": [LOOK, GO], "tool_choice": "required"}, {"tools": TOOLS, "choice": Choice("required")}),
    ({"tools": [LOOK, GO], "tool_choice": {"type": "function", "name": "go"}},
     {"tools": TOOLS, "choice": Choice("required", frozenset({"go"})), "parallel": False}),
    ({"tools": [LOOK, GO], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [LOOK]}},
     {"tools": TOOLS, "choice": Choice("auto", frozenset({"look"}))}),
    ({"parallel_tool_calls": False}, {"parallel": False}),
    ({"text": {"format": {"type": "text"}, "verbosity": "low"}}, {"verbosity": "low"}),
    ({"text": {"format": {"type": "json_object"}}}, {"schema": {"type": "object"}}),
    ({"text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA, "strict": True}}},
     {"schema": SCHEMA, "schema_strict": True}),
    ({"reasoning": {"effort": "high"}}, {"effort": "high"}),
    ({"max_output_tokens": 5}, {"max_tokens": 5}),
    ({"include": ["message.output_text.logprobs"]}, {"logprobs": 0}),
    ({"include": ["reasoning.encrypted_content", "file_search_call.results"]}, {}),
    ({"top_logprobs": 3}, {"logprobs": 3}),
    ({"top_logprobs": 0}, {}),
    ({"temperature": 0}, sampled(temperature=0.0)),
    ({"top_p": 0.5}, sampled(top_p=0.5)),
    ({"top_k": 7, "min_p": 0.1, "seed": 3}, sampled(top_k=7, min_p=0.1, seed=3)),
    ({"frequency_penalty": 1, "presence_penalty": 1}, sampled(frequency_penalty=1.0, presence_penalty=1.0)),
    ({"repeat_penalty": 1.1, "repeat_last_n": 9}, sampled(repeat_penalty=1.1, repeat_last_n=9)),
    ({"typ_p": 0.5, "min_keep": 2, "tfs_z": 1}, sampled(typ_p=0.5, min_keep=2)),
    ({"mirostat": 2, "mirostat_tau": 4, "mirostat_eta": 0.2},
     sampled(mirostat=2, mirostat_tau=4.0, mirostat_eta=0.2)),
    ({"dynatemp_range": 0.5, "dynatemp_exponent": 2, "penalize_nl": False},
     sampled(dynatemp_range=0.5, dynatemp_exponent=2.0, penalize_nl=False)),
    ({"logit_bias": {"5": 1}}, sampled(logit_bias=((5, 1.0),))),
    ({"stop": "x"}, {"stop": ("x",)}),
    ({"dialect": "hermes", "ignore_eos": True}, {"dialect": "hermes", "ignore_eos": True}),
    ({"chat_template_kwargs": {"a": 1}, "add_custom_system_prompt": False},
     {"template_args": {"a": 1}, "tool_prompt": False}),
    ({"previous_response_id": "resp_1", "input": [OUTPUT | {"call_id": "call_1", "output": "x"}]},
     {"messages": (User("A"), Assistant(calls=(ToolCall("call_1", "look", "{}"),)), ToolResult("x", "call_1"))}),
    *(({name: value}, {}) for name, value in {
        "max_tool_calls": 3, "metadata": {"a": "b"}, "user": "u", "safety_identifier": "s", "service_tier": "auto",
        "prompt_cache_key": "k", "prompt_cache_options": {}, "prompt_cache_retention": "24h", "store": False,
        "stream": True, "stream_options": {"include_obfuscation": True}, "truncation": "disabled",
        "background": False, "engine": "llama-cpp", "cache_prompt": True,
    }.items()),
]  # fmt: skip


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


HISTORIES: list[tuple[str, list[Any], tuple[Message, ...]]] = [
    ("roles", [{"role": "developer", "content": "D"}, {"role": "system", "content": "S"}, user("U"),
               {"role": "assistant", "content": "A"}], (System("D"), System("S"), User("U"), Assistant("A"))),
    ("parts", [{"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]}],
     (User("a\nb"),)),
    ("a call and its result", [user("U"), CALL, OUTPUT], (User("U"), Assistant(calls=(CALLED,)),
                                                          ToolResult("done", "c"))),
    ("thought, words and call are one message", [user("U"), THOUGHT, ANSWER, CALL, OUTPUT],
     (User("U"), Assistant("Yes.", (CALLED,), "Hm."), ToolResult("done", "c"))),
    ("words after a call are another", [user("U"), CALL, ANSWER, OUTPUT],
     (User("U"), Assistant(calls=(CALLED,)), Assistant("Yes."), ToolResult("done", "c"))),
    ("parallel calls", [user("U"), CALL, CALL | {"call_id": "d"}, OUTPUT, OUTPUT | {"call_id": "d"}],
     (User("U"), Assistant(calls=(CALLED, ToolCall("d", "look", '{"a": 1}'))), ToolResult("done", "c"),
      ToolResult("done", "d"))),
    ("calls one after the other", [user("U"), CALL, OUTPUT, CALL | {"call_id": "d"}, OUTPUT | {"call_id": "d"}],
     (User("U"), Assistant(calls=(CALLED,)), ToolResult("done", "c"),
      Assistant(calls=(ToolCall("d", "look", '{"a": 1}'),)), ToolResult("done", "d"))),
    ("a custom call", [user("U"), {"type": "custom_tool_call", "call_id": "c", "name": "say", "input": 'a"b'},
                       {"type": "custom_tool_call_output", "call_id": "c", "output": "said"}],
     (User("U"), Assistant(calls=(ToolCall("c", "say", '{"input": "a\\"b"}'),)), ToolResult("said", "c"))),
    ("a result in parts", [user("U"), CALL, OUTPUT | {"output": [{"type": "input_text", "text": "x"}]}],
     (User("U"), Assistant(calls=(CALLED,)), ToolResult("x", "c"))),
    ("a thought that is only summarised", [user("U"), {"type": "reasoning", "id": "r", "summary": [
        {"type": "summary_text", "text": "So."}]}, ANSWER], (User("U"), Assistant("Yes.", reasoning="So."))),
    ("a thought that nobody can read", [user("U"), {"type": "reasoning", "id": "r", "summary": [],
                                                    "encrypted_content": "x"}], (User("U"),)),
    ("a refusal", [user("U"), {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}],
     (User("U"), Assistant("No."))),
    ("a reference", [{"type": "item_reference", "id": "msg_1"}], (User("A"),)),
]  # fmt: skip

WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"tfs_z": 0.5}, "tfs_z", "tail-free"),
    ({"text": {"format": {"type": "json_schema", "name": True, "schema": SCHEMA}}}, "text.format.name", "a string"),
    ({"text": {"format": {"type": "json_schema", "name": "x", "description": 5, "schema": SCHEMA}}},
     "text.format.description", "a string"),
    ({"input": None}, "input", "missing"),
    ({"input": []}, "input", "at least one"),
    ({"input": 5}, "input", "a list"),
    ({"input": [{}]}, "input.0.role", "missing"),
    ({"input": [{"type": "thing"}]}, "input.0.type", '"message"'),
    ({"input": [{"type": "web_search_call"}]}, "input.0.type", "hosts"),
    ({"input": [{"role": "robot", "content": "x"}]}, "input.0.role", '"user"'),
    ({"input": [{"role": "user"}]}, "input.0.content", "missing"),
    ({"input": [{"role": "user", "content": 5}]}, "input.0.content", "text parts"),
    ({"input": [{"role": "user", "content": [IMAGE]}]}, "input.0.content.0.type", "only text"),
    ({"input": [{"role": "user", "content": [{"type": "x"}]}]}, "input.0.content.0.type", '"input_text"'),
    ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input.0.content.0.text", "missing"),
    ({"input": [user("U"), OUTPUT]}, "input.1.call_id", "no call"),
    ({"input": [CALL, {"type": "function_call_output", "call_id": "c"}]}, "input.1.output", "missing"),
    ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input.0.call_id", "missing"),
    ({"input": [{"type": "item_reference", "id": "fc_9"}]}, "input.0.id", "kept"),
    ({"instructions": 5}, "instructions", "a string"),
    ({"previous_response_id": "resp_9"}, "previous_response_id", "kept"),
    ({"store": "yes"}, "store", "true or false"),
    ({"stream": "yes"}, "stream", "true or false"),
    ({"metadata": {"a": 5}}, "metadata.a", "a string"),
    ({"metadata": {str(n): "x" for n in range(17)}}, "metadata", "16"),
    ({"tools": [{"name": "f"}]}, "tools.0.type", "missing"),
    ({"tools": [{"type": "function"}]}, "tools.0.name", "missing"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools.0.name", "missing"),
    ({"tools": [LOOK, LOOK]}, "tools.1.name", "already"),
    *(({"tools": [LOOK, {"type": kind}]}, "tools.1.type", kind) for kind in (
        "web_search", "web_search_preview", "file_search", "code_interpreter", "computer_use_preview", "mcp",
        "image_generation", "local_shell", "shell", "apply_patch", "namespace", "tool_search")),
    ({"tools": [{"type": "x", "name": "x"}]}, "tools.0.type", '"custom"'),
    ({"tools": [LOOK], "tool_choice": {"type": "function", "name": "fly"}}, "tool_choice", "fly"),
    ({"tools": [LOOK], "tool_choice": {"type": "web_search"}}, "tool_choice.type", '"custom"'),
    ({"tool_choice": "required"}, "tool_choice", "no tools"),
    ({"parallel_tool_calls": 1}, "parallel_tool_calls", "true or false"),
    ({"text": "x"}, "text", "an object"),
    ({"text": {"format": {"type": "xml"}}}, "text.format.type", '"json_object"'),
    ({"text": {"verbosity": "much"}}, "text.verbosity", "one of"),
    ({"text": {"format": {"type": "json_schema", "schema": 5}}}, "text.format.schema", "an object"),
    ({"reasoning": {"effort": "much"}}, "reasoning.effort", "one of"),
    ({"reasoning": "high"}, "reasoning", "an object"),
    ({"max_output_tokens": 0}, "max_output_tokens", "an integer"),
    ({"include": ["everything"]}, "include.0", "one of"),
    ({"top_logprobs": 21}, "top_logprobs", "from 0 to 20"),
    ({"temperature": 3}, "temperature", "a number"),
    ({"background": True}, "background", "later"),
    ({"background_options": {}}, "background_options", "later"),
    ({"conversation": "conv_1"}, "conversation", "previous_response_id"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt", "instructions"),
    ({"truncation": "auto"}, "truncation", "silently"),
    ({"context_management": []}, "context_management", "silently"),
    ({"image": {}}, "image", "only text"),
    ({"access_programs": {}}, "access_programs", "OpenAI"),
    ({"moderation": {}}, "moderation", "no moderation model"),
    ({"max_tool_calls": "x"}, "max_tool_calls", "an integer"),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "changes"), RIGHT, ids=repr)
def test_a_request_becomes_a_chat(sent: dict[str, Any], changes: dict[str, Any]) -> None:
    request = read(sent)
    assert request.chat == chat(**changes)
    assert request.warnings == ()
    assert (request.keep, request.stream) == (sent.get("store", True), sent.get("stream", False))
    assert request.shape.custom == {tool.name for tool in request.chat.tools if tool.input}
    assert read(sent, strict=True) == request


@pytest.mark.parametrize(("items", "messages"), [row[1:] for row in HISTORIES], ids=[row[0] for row in HISTORIES])
def test_items_become_messages(items: list[Any], messages: tuple[Message, ...]) -> None:
    request = read({"input": items})
    assert request.chat.messages == messages
    assert request.warnings == ()
    again = read({"input": list(request.items)}, strict=True)
    assert again.chat.messages == messages, "items as they are kept say the same"


@pytest.mark.parametrize(("sent", "param", "says"), WRONG, ids=repr)
def test_a_request_is_refused(sent: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read(sent)
    assert caught.value.param == param
    assert says in caught.value.message


def test_a_name_has_no_effect() -> None:
    (said,) = read({"input": [user("U") | {"name": "Bob"}, CALL, OUTPUT]}).warnings
    assert said.startswith("input.0.name has no effect")


def test_every_field_of_the_specification_is_in_the_table() -> None:
    theirs = get_type_hints(spec.ResponseCreateParamsStreaming).keys()
    assert {name for name, row in TABLE.items() if row.openai} == theirs


def test_every_field_has_a_row_that_sets_it() -> None:
    rows = [sent for sent, *_ in (*RIGHT, *WRONG)]
    assert {name for sent in rows for name in sent} | {"model"} >= TABLE.keys()


@pytest.mark.parametrize("table", [TABLE, completions.TABLE, fields.FIELDS], ids=["responses", "completions", "chat"])
def test_every_sampler_is_in_the_table_of_every_route_that_draws(table: fields.Table) -> None:
    samplers = {sampler.name for sampler in dataclasses.fields(Sampling)}
    assert {name for name, row in table.items() if isinstance(row.rule, Obeyed)} >= samplers


def test_the_documentation_names_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    section = page.partition("# `POST /v1/responses`\n")[2].partition("\n# ")[0]
    ours = {
        rule: {name for name, row in TABLE.items() if isinstance(row.rule, rule)}
        for rule in (Obeyed, Refused, Accepted)
    }
    for rule, word in ((Obeyed, "- Obeyed:"), (Refused, "- Refused, "), (Accepted, "- Without effect")):
        listed = section.partition(word)[2].partition("\n- ")[0]
        named = {name.partition(":")[0].partition(".")[0] for name in re.findall(r"`([a-z_]+)[^`]*`", listed)}
        assert ours[rule] - {"input", "model"} <= named, rule
        assert not named & set().union(*(others for other, others in ours.items() if other is not rule)), rule


def test_every_refused_field_has_a_row_that_refuses_it() -> None:
    refused = {name for name, row in TABLE.items() if isinstance(row.rule, Refused)}
    assert refused <= {param for _, param, _ in WRONG}


def test_null_is_as_good_as_absent() -> None:
    assert read(dict.fromkeys(TABLE.keys() - {"model", "input"})) == read({})


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if isinstance(row.rule, Accepted) and row.openai])
def test_what_is_accepted_has_a_type_all_the_same(name: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read({name: [5]})
    assert caught.value.param == name


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({"colour": 1}, "colour"),
        ({"input": [{"role": "user", "content": "x", "colour": 1}]}, "input.0.colour"),
        ({"tools": [LOOK | {"defer_loading": True}]}, "tools.0.defer_loading"),
        ({"text": {"colour": 1}}, "text.colour"),
    ],
)
def test_what_nobody_knows_is_named_or_refused(sent: dict[str, Any], path: str) -> None:
    assert read(sent).warnings == (f"{path}: this server knows no such field; it has no effect",)
    with pytest.raises(BadRequest) as caught:
        read(sent, strict=True)
    assert caught.value.code == "unknown_parameter"
