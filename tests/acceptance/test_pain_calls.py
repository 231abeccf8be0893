"""Pain points 12 to 17, 19, 20, 29 and 30: what a model says arrives as it was meant, streamed or not."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from acting import ASK, Stage, called, takes, tool
from faithful import events
from openai import OpenAI

from cortex.dialects import names

CITY = tool("weather", takes(city={"type": "string"}))
TIME = tool("now")
TOOLS = [CITY, TIME]
ULM = called(("weather", {"city": "Ulm"}))
THINKS = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)


# -- 12: in the right place --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "content"),
    [
        (ULM, None),
        ("\n\n" + ULM, None),
        (" \n" + ULM, None),
        ("I look it up.\n" + ULM, "I look it up."),
    ],
)
def test_a_call_is_no_content_and_white_space_is_none(stage: Stage, reply: str, content: str | None) -> None:
    """12, ggml-org/llama.cpp#22684, #20260, #13224: the content was "\\n\\n"."""
    made = stage.says(reply, tools=TOOLS)
    assert (made.content, made.whole) == (content, [("weather", {"city": "Ulm"})])


def test_a_call_after_a_thought_is_a_call_and_one_inside_it_is_a_thought(stage: Stage) -> None:
    """12: the prompt has opened the thought; what is never closed is no call, and cannot end a forced reply."""
    made = stage.says(f"I might say {ULM}, or not.\n</think>\n\n{ULM}", template=THINKS, tools=TOOLS)
    assert (made.whole, made.content, made.finish) == ([("weather", {"city": "Ulm"})], None, "tool_calls")
    assert made.reasoning.startswith("I might say <tool_call>")
    assert stage.cannot_say(f"Hm. {ULM}", template=THINKS, tools=TOOLS, tool_choice="required")


def test_a_required_call_leaves_the_thought_before_it(stage: Stage) -> None:
    """22, vllm-project/vllm#20663, #46149; ggml-org/llama.cpp#22537: the grammar was applied inside the thought."""
    made = stage.says(f'Hm, {{"which": [\n</think>\n{ULM}', template=THINKS, tools=TOOLS, tool_choice="required")
    assert (made.reasoning, made.whole) == ('Hm, {"which": [', [("weather", {"city": "Ulm"})])
    assert stage.cannot_say("Hm.\n</think>\nI do not know.", template=THINKS, tools=TOOLS, tool_choice="required")


# -- 13: whatever stands in the arguments ------------------------------------------------------------------------------

CODE = 'if (a < b && c["x"] > 0) {\n\treturn \'<b>\' + "</b>\\n";\n}\n# [1, 2]'
LINES = {"type": "array", "items": {"type": "string"}}
EDIT = tool("edit", takes(path={"type": "string"}, text={"type": "string"}, lines=LINES))
ODD = {"path": "a&b/[c].py", "text": CODE, "lines": ["1", "x]", ""]}
PYTHONS = ("minicpm5", "seed-oss")  # whose templates write lists as Python does, and whose models write JSON


def test_code_survives_in_the_arguments_of_every_dialect(stage: Stage) -> None:
    """13, ollama/ollama#17638, #12884, #12357; ggml-org/llama.cpp#23838: the server refused its own model's output."""
    given = {name: ODD | ({"lines": []} if name in PYTHONS else {}) for name in names()}
    model = stage.model(*(called(("edit", given[name]), dialect=name) for name in names()), size=7)
    for name in names():
        reply = stage.post(model, tools=[EDIT], tool_choice="required", dialect=name)
        assert reply.status_code == 200, (name, reply.text)
        (call,) = reply.json()["choices"][0]["message"]["tool_calls"]
        assert json.loads(call["function"]["arguments"]) == given[name], name


BROKEN = [
    '<tool_call>\n{"name": "weather", "arg',
    '<tool_call>{"name": nobody}</tool_call>',
    '{"name": "weather"',
    "</think>",
]


@pytest.mark.parametrize("said", BROKEN)
def test_what_no_parser_understands_is_content_and_never_an_error(stage: Stage, said: str) -> None:
    """13: as where an engine would not enforce the grammar."""
    model = stage.model(said, check=False)
    for asked in ({"tools": TOOLS}, {"tools": TOOLS, "tool_choice": "none"}, {}):
        reply = stage.post(model, **asked)
        assert (reply.status_code, reply.json()["choices"][0]["finish_reason"]) == (200, "stop")


# -- 14, 15, 16, 30: streams -------------------------------------------------------------------------------------------

THREE = [("weather", {"city": "Ulm"}), ("now", {}), ("weather", {"city": 'Köln "am" Rhein'})]


def test_three_calls_of_a_stream_are_three_in_the_clients_own_accumulator(stage: Stage) -> None:
    """14, ollama/ollama#15457, #7881; 30, abetlen/llama-cpp-python#1883: `auto` streamed, and every index 0."""
    model = stage.model(called(*THREE), size=1)
    asked: Any = {"model": model, "messages": ASK, "tools": TOOLS, "tool_choice": "auto"}
    with (
        OpenAI(base_url=f"{stage.serving.url}/v1", api_key="x", max_retries=0) as client,
        client.chat.completions.stream(**asked) as stream,
    ):
        for _ in stream:
            pass
        choice = stream.get_final_completion().choices[0]
    made = choice.message.tool_calls or []
    assert [(call.function.name, json.loads(call.function.arguments)) for call in made] == THREE
    assert len({call.id for call in made}) == 3
    assert choice.finish_reason == "tool_calls"


def test_ids_types_and_names_come_once(stage: Stage) -> None:
    """15, ggml-org/llama.cpp#12379: "add_two_numbersadd_two_numbers"."""
    answer = stage.post(stage.model(called(*THREE), size=1), tools=TOOLS, stream=True)
    entries = [
        entry
        for chunk in events(answer.content)
        for choice in chunk["choices"]
        for entry in choice["delta"].get("tool_calls", [])
    ]
    for index, (name, _) in enumerate(THREE):
        first, *rest = (entry for entry in entries if entry["index"] == index)
        assert (first["type"], first["function"]) == ("function", {"name": name, "arguments": ""})
        assert all(
            entry.keys() == {"index", "function"} and entry["function"].keys() == {"arguments"} for entry in rest
        )


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["hermes", "fallback", "qwen3-coder", "harmony", "mistral-v11", "llama-pythonic"])
def test_however_many_tokens_come_at_once_nothing_is_lost(stage: Stage, dialect: str) -> None:
    """16, vllm-project/vllm#32152, #41967, #48702: speculation lost braces and whole arguments."""
    reply = called(*THREE, dialect=dialect)
    sizes = (1, 2, 3, 7, 19, 10_000)
    made = [stage.ask(stage.model(reply, size=size), tools=TOOLS, dialect=dialect) for size in sizes]
    assert all(one == made[0] for one in made)
    assert made[0].whole == THREE


# -- 17: ids -----------------------------------------------------------------------------------------------------------


def test_ids_are_there_and_never_come_twice(stage: Stage) -> None:
    """17, ggml-org/llama.cpp#11992."""
    model = stage.model(called(*THREE))
    ids = [id for _ in range(10) for id in stage.stream(model, tools=TOOLS).ids]
    assert len(set(ids)) == 30
    assert all(id.startswith("call_") for id in ids)


FOREIGN = ["", "x", "functions.weather:0", "chatcmpl-tool-8f2", "a" * 300, "ä <|im_end|>", "0"]


@pytest.mark.parametrize("dialect", ["hermes", "mistral-v3", "kimi-k2"])
def test_ids_of_other_servers_are_taken(stage: Stage, dialect: str) -> None:
    """17, ml-explore/mlx-lm#1375: a history that began elsewhere, on a family that wants nine letters or digits."""
    model = stage.model("Rainy.")
    for id in FOREIGN:
        call = {"id": id, "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ulm"}'}}
        history = [*ASK, {"role": "assistant", "tool_calls": [call]}]
        answer = {"role": "tool", "tool_call_id": id, "content": "rain"}
        reply = stage.post(model, messages=[*history, answer], tools=TOOLS, dialect=dialect)
        assert reply.status_code == 200, (id, reply.text)


# -- 19: tools without parameters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, {"type": "object", "properties": {}}])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("dialect", ["hermes", "qwen3-coder", "llama-pythonic", "mistral-v11"])
def test_a_tool_without_parameters_is_called_with_an_empty_object(
    stage: Stage, schema: Any, strict: bool, dialect: str
) -> None:
    """19, vllm-project/vllm#28806, #50989: no arguments at all, or arguments without end."""
    tools = [tool("now", schema, strict=strict)]
    made = stage.says(called(("now", {}), dialect=dialect), tools=tools, tool_choice="required", dialect=dialect)
    assert (made.calls, made.finish) == ([("now", "{}")], "tool_calls")


# -- 20: types ---------------------------------------------------------------------------------------------------------

TYPED = takes(
    age={"type": "integer"},
    code={"type": "string"},
    flag={"type": "string"},
    on={"type": "boolean"},
    size={"type": "number"},
    none={"type": ["string", "null"]},
    either={"anyOf": [{"type": "integer"}, {"type": "string"}]},
    list={"type": "array", "items": {"type": "string"}},
    map={"type": "object", "additionalProperties": {}},
)
VALUES = {
    "age": 30,
    "code": "02134",
    "flag": "false",
    "on": False,
    "size": 1.5,
    "none": None,
    "either": 7,
    "list": ["1", "null"],
    "map": {"k": 1},
}


@pytest.mark.parametrize("dialect", ["qwen3-coder", "glm-4.5", "minimax-m2", "mimo", "hermes"])
def test_a_value_has_the_type_that_the_schema_says(stage: Stage, dialect: str) -> None:
    """20, unslothai/unsloth#10019; smg-project/smg#1841: "30" for a number, 2134 for a postal code."""
    asked = {"tools": [tool("f", TYPED)], "tool_choice": "required", "dialect": dialect}
    assert stage.says(called(("f", VALUES), dialect=dialect), **asked).whole == [("f", VALUES)]


# -- 29: stop strings --------------------------------------------------------------------------------------------------


def test_a_stop_string_ends_text_and_never_cuts_a_call(stage: Stage) -> None:
    """29, vllm-project/vllm#42210."""
    made = stage.says(f"I ask for it.\n{ULM}", tools=TOOLS, stop=["Ulm", "city", "}"])
    assert (made.content, made.whole) == ("I ask for it.", [("weather", {"city": "Ulm"})])
    assert stage.says("one two three", tools=TOOLS, stop=["two"]).content == "one "


# -- 28: tools of other kinds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["web_search", "code_interpreter", "mcp", "x"])
def test_a_tool_of_an_unknown_type_is_refused_and_never_dropped(stage: Stage, kind: str) -> None:
    """28, ggml-org/llama.cpp#21174, raullenchai/Rapid-MLX#588: a model that never heard of the tool it was given."""
    reply = stage.post(stage.playing("x"), tools=[CITY, {"type": kind, "name": "search"}])
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "tools.1.type")


FLAT: Any = {"type": "function"} | CITY["function"]


@pytest.mark.parametrize("kind", ["web_search", "code_interpreter", "mcp", "file_search", "x"])
def test_responses_refuse_a_tool_of_an_unknown_type_by_its_name(stage: Stage, kind: str) -> None:
    """28: dropped, the model would answer as if it had never been offered."""
    sent = {"model": stage.playing("x"), "input": "Hi", "tools": [FLAT, {"type": kind}]}
    reply = stage.http.post("/v1/responses", json=sent)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "tools.1.type")
    assert kind in reply.json()["message"]


def test_responses_tell_every_event_and_lose_no_item(stage: Stage) -> None:
    """28, ROCm/ATOM#2178, raullenchai/Rapid-MLX#588: the events that Codex needs, and a prompt that lost its items.

    The server of these tests checks each event against the models of the `openai` package.
    """
    model = stage.model("Hm.\n</think>\n\nLet me look." + ULM, template=THINKS, size=3)
    asked = {"model": model, "input": "Weather?", "tools": [FLAT]}
    body = stage.http.post("/v1/responses", json=asked).json()
    assert [item["type"] for item in body["output"]] == ["reasoning", "message", "function_call"]
    streamed = stage.http.post("/v1/responses", json=asked | {"stream": True}).text
    assert set(re.findall(r"^event: response\.(.*)$", streamed, re.M)) == {
        *("created", "in_progress", "completed", "output_item.added", "output_item.done"),
        *("content_part.added", "content_part.done", "output_text.delta", "output_text.done"),
        *("reasoning_text.delta", "reasoning_text.done"),
        *("function_call_arguments.delta", "function_call_arguments.done"),
    }
    result = {"type": "function_call_output", "call_id": body["output"][-1]["call_id"], "output": "rain"}
    history = [{"role": "user", "content": "Weather?"}, *body["output"], result]
    answers = [
        stage.http.post("/v1/responses", json={"model": stage.playing("It rains."), "tools": [FLAT], **sent}).json()
        for sent in ({"input": history}, {"input": [result], "previous_response_id": body["id"]})
    ]
    assert [answer["output"][-1]["content"][0]["text"] for answer in answers] == ["It rains."] * 2
    assert answers[0]["usage"]["input_tokens"] == answers[1]["usage"]["input_tokens"] > len(ULM)
