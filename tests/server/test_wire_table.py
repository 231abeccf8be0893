"""The wire table: what a request's JSON becomes, or how it is refused. Every field of OpenAI's has a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_type_hints

import pytest
from openai.types.chat import completion_create_params as spec

from cortex.core import custom
from cortex.core.chat import Assistant, Chat, Choice, Input, Message, Sampling, System, Tool, ToolCall, ToolResult, User
from cortex.core.errors import BadRequest
from cortex.server.wire import fields
from cortex.server.wire.calls import FUNCTIONS, Shape
from cortex.server.wire.chat import Defaults, read

HI: dict[str, Any] = {"role": "user", "content": "Hi"}
LOOK: dict[str, Any] = {"type": "function", "function": {"name": "look"}}
GO: dict[str, Any] = {"type": "function", "function": {"name": "go"}}
TOOLS = (Tool("look"), Tool("go"))
SAY: dict[str, Any] = {"type": "custom", "custom": {"name": "say"}}
SAYING = custom.tool("say", "", Input(), "")
DIGITS = custom.tool("dial", "Dial", Input("regex", "[0-9]+"), "")
SUM = custom.tool("add", "", Input("lark", 'start: /[0-9]+/ "+" /[0-9]+/'), "")
DEFAULTS = Defaults(Sampling(temperature=0.3, top_p=0.8, seed=5), max_tokens=99, stop=("END",))
THING = {"type": "object", "properties": {"a": {"type": "integer"}}}


@dataclass(frozen=True)
class Row:
    """`sent` is laid over a minimal body. It gives a chat with `chat` laid over the minimal one, and `warnings`."""

    why: str
    sent: dict[str, Any]
    chat: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    stream: bool = False
    include_usage: bool = False
    shape: Shape = FUNCTIONS


@dataclass(frozen=True)
class Wrong:
    """`sent` is refused with this `param`, and the message has `says` in it."""

    why: str
    sent: dict[str, Any]
    param: str | None
    says: str


def sampled(**changes: Any) -> dict[str, Any]:
    base = {"temperature": 0.3, "top_p": 0.8, "seed": 5}
    return {"sampling": Sampling(**{**base, **changes})}


def chosen(choice: Any, **more: Any) -> dict[str, Any]:
    return {"tools": [LOOK, GO], "tool_choice": choice, **more}


def grammar(syntax: str, definition: Any) -> dict[str, Any]:
    return {"type": "grammar", "grammar": {"syntax": syntax, "definition": definition}}


def making(name: str, *, form: Any = None, **more: Any) -> dict[str, Any]:
    """A request with one custom tool."""
    return {"tools": [{"type": "custom", "custom": {"name": name, "format": form, **more}}]}


def says(*tools: Tool, **more: Any) -> dict[str, Any]:
    return {"tools": tools, **more}


def telling(*names: str) -> Shape:
    return Shape(frozenset(names))


def unknown(path: str) -> str:
    return f"{path}: this server knows no such field; it has no effect"


RIGHT = [
    Row("the least that a request needs", {}),
    Row("null is as good as absent", dict.fromkeys(fields.NAMES - {"messages", "model"})),
    Row("any model's id is taken here; whether it exists is found out elsewhere", {"model": "a/b:c"}),
    Row("one text as messages", {"messages": [HI]}, {"messages": (User("Hi"),)}),
    Row("streaming", {"stream": True}, stream=True),
    Row("not streaming, said", {"stream": False}),
    Row("usage in streams", {"stream": True, "stream_options": {"include_usage": True}}, {}, (), True, True),
    Row("obfuscation hides the length of chunks from eavesdroppers; here are none",
        {"stream_options": {"include_obfuscation": False}}),
    # sampling
    Row("greedy", {"temperature": 0}, sampled(temperature=0.0)),
    Row("hottest", {"temperature": 2}, sampled(temperature=2.0)),
    Row("nucleus", {"top_p": 0.5}, sampled(top_p=0.5)),
    Row("top_k", {"top_k": 7}, sampled(top_k=7)),
    Row("vLLM's word for no top_k", {"top_k": -1}, sampled(top_k=0)),
    Row("min_p", {"min_p": 0.1}, sampled(min_p=0.1)),
    Row("typical", {"typ_p": 0.5, "min_keep": 3}, sampled(typ_p=0.5, min_keep=3)),
    Row("a temperature that moves", {"dynatemp_range": 0.5, "dynatemp_exponent": 2},
        sampled(dynatemp_range=0.5, dynatemp_exponent=2)),
    Row("Mirostat", {"mirostat": 2, "mirostat_tau": 4, "mirostat_eta": 0.2},
        sampled(mirostat=2, mirostat_tau=4, mirostat_eta=0.2)),
    Row("ends of lines without penalties", {"penalize_nl": False}, sampled(penalize_nl=False)),
    Row("penalty by count", {"frequency_penalty": -2}, sampled(frequency_penalty=-2.0)),
    Row("penalty at all", {"presence_penalty": 1.5}, sampled(presence_penalty=1.5)),
    Row("llama.cpp's penalty", {"repeat_penalty": 1.1, "repeat_last_n": 32},
        sampled(repeat_penalty=1.1, repeat_last_n=32)),
    Row("seed", {"seed": 42}, sampled(seed=42)),
    Row("Cortex's word for a fresh seed", {"seed": -1}, sampled(seed=None)),
    Row("bias by token", {"logit_bias": {"15": -100, "16": 1.5}}, sampled(logit_bias=((15, -100.0), (16, 1.5)))),
    Row("whole numbers as floats, as JavaScript may send them", {"seed": 3.0, "max_tokens": 5.0},
        sampled(seed=3) | {"max_tokens": 5}),
    # ends
    Row("most tokens", {"max_tokens": 10}, {"max_tokens": 10}),
    Row("the newer name wins", {"max_tokens": 10, "max_completion_tokens": 20}, {"max_tokens": 20}),
    Row("llama.cpp's word for no limit", {"max_tokens": -1}, {"max_tokens": None}),
    Row("more tokens than any context has", {"max_tokens": 1e300}, {"max_tokens": 2**31 - 1}),
    Row("one stop", {"stop": "\n"}, {"stop": ("\n",)}),
    Row("four stops", {"stop": ["a", "b", "c", "d"]}, {"stop": ("a", "b", "c", "d")}),
    Row("no stops: the model's own are off, too", {"stop": []}, {"stop": ()}),
    # tools
    Row("a tool with all it may have",
        {"tools": [{"type": "function", "function": {"name": "f.g-h_1", "description": "d", "parameters": THING,
                                                     "strict": True}}]},
        {"tools": (Tool("f.g-h_1", "d", THING, True),)}),
    Row("a tool without parameters", {"tools": [LOOK]}, {"tools": (Tool("look"),)}),
    Row("null parameters, description, strict",
        {"tools": [{"type": "function", "function": {"name": "look", "parameters": None, "description": None,
                                                     "strict": None}}]}, {"tools": (Tool("look"),)}),
    Row("an empty schema", {"tools": [{"type": "function", "function": {"name": "look", "parameters": {}}}]},
        {"tools": (Tool("look"),)}),
    Row("no tools", {"tools": []}),
    Row("none", chosen("none"), {"tools": TOOLS, "choice": Choice("none")}),
    Row("none without tools is harmless", {"tool_choice": "none"}, {"choice": Choice("none")}),
    Row("auto without tools is what happens anyway", {"tool_choice": "auto"}),
    Row("auto", chosen("auto"), {"tools": TOOLS, "choice": Choice("auto")}),
    Row("required", chosen("required"), {"tools": TOOLS, "choice": Choice("required")}),
    Row("named: exactly one call", chosen(GO),
        {"tools": TOOLS, "choice": Choice("required", frozenset({"go"})), "parallel": False}),
    Row("named, as the Responses API spells it", chosen({"type": "function", "name": "go"}),
        {"tools": TOOLS, "choice": Choice("required", frozenset({"go"})), "parallel": False}),
    Row("allowed tools", chosen({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [GO]}}),
        {"tools": TOOLS, "choice": Choice("auto", frozenset({"go"}))}),
    Row("allowed tools, one of them required",
        chosen({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [GO, LOOK]}}),
        {"tools": TOOLS, "choice": Choice("required", frozenset({"go", "look"}))}),
    Row("one call at most", chosen("auto", parallel_tool_calls=False),
        {"tools": TOOLS, "choice": Choice("auto"), "parallel": False}),
    # custom tools
    Row("a custom tool", {"tools": [SAY]}, says(SAYING), shape=telling("say")),
    Row("of any text, said", making("say", form={"type": "text"}), says(SAYING), shape=telling("say")),
    Row("a regular expression", making("dial", form=grammar("regex", "[0-9]+"), description="Dial"), says(DIGITS),
        shape=telling("dial")),
    Row("a grammar", making("add", form=grammar("lark", SUM.input.definition if SUM.input else "")), says(SUM),
        shape=telling("add")),
    Row("as the Responses API spells it",
        {"tools": [{"type": "custom", "name": "dial", "description": "Dial",
                    "format": {"type": "grammar", "syntax": "regex", "definition": "[0-9]+"}}]}, says(DIGITS),
        shape=telling("dial")),
    Row("beside a function", {"tools": [LOOK, SAY]}, says(Tool("look"), SAYING), shape=telling("say")),
    Row("named", {"tools": [LOOK, SAY], "tool_choice": SAY},
        says(Tool("look"), SAYING, choice=Choice("required", frozenset({"say"})), parallel=False),
        shape=telling("say")),
    Row("named in short", {"tools": [LOOK, SAY], "tool_choice": {"type": "custom", "name": "say"}},
        says(Tool("look"), SAYING, choice=Choice("required", frozenset({"say"})), parallel=False),
        shape=telling("say")),
    Row("among the allowed",
        {"tools": [LOOK, SAY, GO], "tool_choice": {"type": "allowed_tools", "allowed_tools": {
            "mode": "required", "tools": [SAY, GO]}}},
        says(Tool("look"), SAYING, Tool("go"), choice=Choice("required", frozenset({"say", "go"}))),
        shape=telling("say")),
    Row("the allowed, as the Responses API spells them",
        chosen({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "go"}]}),
        {"tools": TOOLS, "choice": Choice("auto", frozenset({"go"}))}),
    # the words of 2023
    Row("functions", {"functions": [{"name": "look", "description": "d", "parameters": THING}]},
        says(Tool("look", "d", THING), parallel=False), shape=Shape(legacy=True)),
    Row("functions, and auto", {"functions": [{"name": "look"}], "function_call": "auto", "tools": []},
        says(Tool("look"), parallel=False), shape=Shape(legacy=True)),
    Row("functions, and none", {"functions": [{"name": "look"}], "function_call": "none"},
        says(Tool("look"), parallel=False, choice=Choice("none")), shape=Shape(legacy=True)),
    Row("functions, and one of them",
        {"functions": [{"name": "look"}, {"name": "go"}], "function_call": {"name": "go"}},
        says(*TOOLS, parallel=False, choice=Choice("required", frozenset({"go"}))), shape=Shape(legacy=True)),
    Row("no functions: tools as ever", {"functions": [], "tools": [LOOK]}, says(Tool("look"))),
    # wishes
    *(Row(f"effort {word}", {"reasoning_effort": word}, {"effort": word})
      for word in ("none", "minimal", "low", "medium", "high", "xhigh", "max")),
    *(Row(f"verbosity {word}", {"verbosity": word}, {"verbosity": word}) for word in ("low", "medium", "high")),
    Row("thoughts in the content", {"reasoning_format": "none"}, {"thoughts": "inside"}),
    Row("thoughts apart", {"reasoning_format": "deepseek"}),
    Row("thoughts both ways", {"reasoning_format": "deepseek-legacy"}, {"thoughts": "both"}),
    # format of the answer
    Row("text", {"response_format": {"type": "text"}}),
    Row("any object", {"response_format": {"type": "json_object"}}, {"schema": {"type": "object"}}),
    Row("an object of llama.cpp's clients", {"response_format": {"type": "json_object", "schema": THING}},
        {"schema": THING}),
    Row("a schema", {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": THING,
                                                                               "strict": True}}},
        {"schema": THING, "schema_strict": True}),
    # what is told of tokens
    Row("log probabilities", {"logprobs": True}, {"logprobs": 0}),
    Row("the likeliest with them", {"logprobs": True, "top_logprobs": 20}, {"logprobs": 20}),
    Row("llama-server's word for both", {"n_probs": 3}, {"logprobs": 3}),
    Row("both words", {"n_probs": 3, "logprobs": True, "top_logprobs": 5}, {"logprobs": 5}),
    Row("a predicted answer", {"prediction": {"type": "content", "content": "so"}}, {"prediction": "so"}),
    Row("a prediction in parts", {"prediction": {"type": "content", "content": [
        {"type": "text", "text": "so\n"}, {"type": "text", "text": "on"}]}}, {"prediction": "so\non"}),
    # Cortex's and llama.cpp's own
    Row("past the end", {"ignore_eos": True}, {"ignore_eos": True}),
    Row("a grammar", {"grammar": 'root ::= "x"'}, {"grammar": 'root ::= "x"'}),
    Row("for the template", {"chat_template_kwargs": {"enable_thinking": False}},
        {"template_args": {"enable_thinking": False}}),
    Row("another notation of calls", {"dialect": "hermes"}, {"dialect": "hermes"}),
    Row("without our instructions", {"add_custom_system_prompt": False}, {"tool_prompt": False}),
    Row("accepted: they change nothing here",
        {"store": True, "metadata": {"a": "b"}, "user": "u", "safety_identifier": "s", "service_tier": "auto",
         "prompt_cache_key": "k", "prompt_cache_options": {"ttl": "30m"}, "prompt_cache_retention": "24h",
         "engine": "llama-cpp", "cache_prompt": True}),
    Row("asking for what happens anyway",
        {"n": 1, "logprobs": False, "top_logprobs": 0, "modalities": ["text"], "functions": [],
         "function_call": "auto", "ignore_eos": False,
         "n_probs": 0, "min_keep": 0, "typ_p": 1.0, "tfs_z": 1, "mirostat": 0, "dynatemp_range": 0, "grammar": "",
         "penalize_nl": True, "reasoning_format": "auto", "tools_call_in_user_message": False}),
    # what nobody knows
    Row("an unknown field is named", {"temprature": 0.1}, {}, (unknown("temprature"),)),
    Row("an unknown field that is null asks for nothing", {"temprature": None}),
    Row("unknown fields inside are named with their place",
        {"messages": [{**HI, "colour": "red"}], "stream_options": {"every": 3}}, {},
        (unknown("messages.0.colour"), unknown("stream_options.every"))),
    Row("a schema's own keys are the client's", {"tools": [{"type": "function", "function": {
        "name": "look", "parameters": {"colour": "red"}}}]}, {"tools": (Tool("look", "", {"colour": "red"}),)}),
    Row("a participant's name", {"messages": [{**HI, "name": "Ann"}]}, {},
        ("messages.0.name has no effect: chat templates show no names of participants",)),
]  # fmt: skip


def said(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(messages)}


def call(id: Any, name: str = "look", arguments: Any = "{}", **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def asked(*calls: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": list(calls), **more}


def result(id: Any, text: Any = "ok", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": text, **more}


MADE = "call_unnamed_0_0"
HISTORIES: list[tuple[str, dict[str, Any], tuple[Message, ...]]] = [
    ("every role", said({"role": "system", "content": "s"}, {"role": "developer", "content": "d"}, HI,
                        {"role": "assistant", "content": "a"}),
     (System("s"), System("d"), User("Hi"), Assistant("a"))),
    ("parts of text", said({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
     (User("a\nb"),)),
    ("null content", said({"role": "user", "content": None}), (User(""),)),
    ("no content at all, as in the guide", said({"role": "assistant"}), (Assistant(),)),
    ("no parts", said({"role": "user", "content": []}), (User(""),)),
    ("a refusal part", said({"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}),
     (Assistant("no"),)),
    ("a refusal of its own", said({"role": "assistant", "content": None, "refusal": "no"}), (Assistant("no"),)),
    ("what OpenAI's client dumps of a reply",
     said(asked(call("c1"), content=None, refusal=None, annotations=[], audio=None, function_call=None)),
     (Assistant("", (ToolCall("c1", "look", "{}"),)),)),
    ("a call and its result", said(asked(call("c1")), result("c1")),
     (Assistant("", (ToolCall("c1", "look", "{}"),)), ToolResult("ok", "c1"))),
    ("the guide's broken arguments are kept", said(asked(call("c1", arguments="{'order_id': 'order_12345'}"))),
     (Assistant("", (ToolCall("c1", "look", "{'order_id': 'order_12345'}"),)),)),
    ("arguments as an object", said(asked(call("c1", arguments={"a": "ä"}))),
     (Assistant("", (ToolCall("c1", "look", '{"a": "ä"}'),)),)),
    ("no arguments", said(asked(call("c1", arguments=None))), (Assistant("", (ToolCall("c1", "look", "{}"),)),)),
    ("text and calls, with an index as chunks have it", said(asked(call("c1", index=0), content="Wait.")),
     (Assistant("Wait.", (ToolCall("c1", "look", "{}"),)),)),
    ("a custom call and its result",
     said(asked({"id": "c1", "type": "custom", "custom": {"name": "say", "input": 'a "ä"\n'}}), result("c1")),
     (Assistant("", (ToolCall("c1", "say", '{"input": "a \\"ä\\"\\n"}'),)), ToolResult("ok", "c1"))),
    ("a custom call without input", said(asked({"id": "c1", "type": "custom", "custom": {"name": "say"}})),
     (Assistant("", (ToolCall("c1", "say", '{"input": ""}'),)),)),
    ("reasoning", said({"role": "assistant", "content": "a", "reasoning_content": "r"}),
     (Assistant("a", reasoning="r"),)),
    ("reasoning by its other name", said({"role": "assistant", "content": "a", "reasoning": "r"}),
     (Assistant("a", reasoning="r"),)),
    ("results in another order", said(asked(call("c1"), call("c2", "go")), result("c2"), result("c1")),
     (Assistant("", (ToolCall("c1", "look", "{}"), ToolCall("c2", "go", "{}"))), ToolResult("ok", "c2"),
      ToolResult("ok", "c1"))),
    ("results without ids go by order", said(asked(call("c1"), call("c2", "go")), result(None, "1"), result("", "2")),
     (Assistant("", (ToolCall("c1", "look", "{}"), ToolCall("c2", "go", "{}"))), ToolResult("1", "c1"),
      ToolResult("2", "c2"))),
    ("a result without an id after one with an id", said(asked(call("c1"), call("c2")), result("c1"), result(None)),
     (Assistant("", (ToolCall("c1", "look", "{}"), ToolCall("c2", "look", "{}"))), ToolResult("ok", "c1"),
      ToolResult("ok", "c2"))),
    ("a call without an id, as Cortex 1.x gave it", said(asked(call(None)), result(None)),
     (Assistant("", (ToolCall(MADE, "look", "{}"),)), ToolResult("ok", MADE))),
    ("a call without an id, a result with one of the client's own", said(asked(call(None)), result("mine")),
     (Assistant("", (ToolCall(MADE, "look", "{}"),)), ToolResult("ok", MADE))),
    ("a result whose call was cut off the history", said(HI, result("c9")), (User("Hi"), ToolResult("ok", "c9"))),
    ("a result that is null", said(asked(call("c1")), result("c1", None)),
     (Assistant("", (ToolCall("c1", "look", "{}"),)), ToolResult("", "c1"))),
    ("a result with its function's name", said(asked(call("c1")), result("c1", name="look")),
     (Assistant("", (ToolCall("c1", "look", "{}"),)), ToolResult("ok", "c1"))),
    ("the same id in two turns", said(asked(call("c1")), result("c1"), asked(call("c1")), result("c1")),
     (Assistant("", (ToolCall("c1", "look", "{}"),)), ToolResult("ok", "c1")) * 2),
    ("a function call of 2023", said({"role": "assistant", "content": None,
                                     "function_call": {"name": "look", "arguments": "{}"}},
                                    {"role": "function", "name": "look", "content": "ok"}),
     (Assistant("", (ToolCall(MADE, "look", "{}"),)), ToolResult("ok", MADE))),
    ("function messages go by name", said(asked(call("c1"), call("c2", "go")),
                                          {"role": "function", "name": "go", "content": "ok"}),
     (Assistant("", (ToolCall("c1", "look", "{}"), ToolCall("c2", "go", "{}"))), ToolResult("ok", "c2"))),
]  # fmt: skip

WRONG = [
    Wrong("model must be text", {"model": 5}, "model", "a string, not 5"),
    Wrong("model must be there", {"model": None}, "model", "model is missing"),
    Wrong("an empty model", {"model": ""}, "model", "not an empty string"),
    Wrong("messages must be there", {"messages": None}, "messages", "messages is missing"),
    Wrong("messages must be a list", {"messages": "Hi"}, "messages", 'a list, not "Hi"'),
    Wrong("messages must be some", {"messages": []}, "messages", "at least one"),
    Wrong("a message must be an object", {"messages": ["Hi"]}, "messages.0", "an object"),
    Wrong("a message has a role", said({"content": "Hi"}), "messages.0.role", "missing"),
    Wrong("a role that is known", said({"role": "boss"}), "messages.0.role", '"developer"'),
    Wrong("content must be text", said(HI, {"role": "user", "content": 5}), "messages.1.content", "not 5"),
    Wrong("content must not be one part", said({"role": "user", "content": {"type": "text", "text": "a"}}),
          "messages.0.content", "a list of text parts"),
    Wrong("a part has a type", said({"role": "user", "content": [{"text": "a"}]}), "messages.0.content.0.type", "text"),
    Wrong("a text part has a text", said({"role": "user", "content": [{"type": "text"}]}),
          "messages.0.content.0.text", "missing"),
    Wrong("no pictures yet", said({"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:"}}]}), "messages.0.content.0.type", "only text"),
    Wrong("no sounds", said({"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}),
          "messages.0.content.0.type", "only text"),
    Wrong("no sounds of an assistant", said({"role": "assistant", "audio": {"id": "a"}}), "messages.0.audio", "text"),
    Wrong("calls must be a list", said({"role": "assistant", "tool_calls": {}}), "messages.0.tool_calls", "a list"),
    Wrong("a call has a function", said({"role": "assistant", "tool_calls": [{"id": "c"}]}),
          "messages.0.tool_calls.0.function", "missing"),
    Wrong("a call has a name", said({"role": "assistant", "tool_calls": [{"function": {}}]}),
          "messages.0.tool_calls.0.function.name", "missing"),
    Wrong("arguments must not be a list", said(asked(call("c", arguments=[1]))),
          "messages.0.tool_calls.0.function.arguments", "a string"),
    Wrong("a custom call has an input", said({"role": "assistant", "tool_calls": [{"id": "c", "type": "custom"}]}),
          "messages.0.tool_calls.0.custom", "missing"),
    Wrong("a custom call has a name", said(asked({"type": "custom", "custom": {"input": "x"}})),
          "messages.0.tool_calls.0.custom.name", "missing"),
    Wrong("a custom input is text", said(asked({"type": "custom", "custom": {"name": "say", "input": {}}})),
          "messages.0.tool_calls.0.custom.input", "a string"),
    Wrong("calls of other kinds", said(asked({"type": "web"})), "messages.0.tool_calls.0.type", '"custom"'),
    Wrong("a result without an id and nothing to answer", said(HI, result(None)), "messages.1.tool_call_id", "waits"),
    Wrong("more results than calls", said(asked(call("c")), result(None), result(None)),
          "messages.2.tool_call_id", "waits"),
    Wrong("a function message that answers nothing", said({"role": "function", "name": "look", "content": "x"}),
          "messages.0.name", "waits"),
    Wrong("an id must be text", said(asked(call("c")), result(5)), "messages.1.tool_call_id", "a string"),
    Wrong("streaming or not", {"stream": "yes"}, "stream", 'true or false, not "yes"'),
    Wrong("stream options are an object", {"stream_options": True}, "stream_options", "an object"),
    Wrong("usage or not", {"stream_options": {"include_usage": 1}}, "stream_options.include_usage", "true or false"),
    Wrong("too hot", {"temperature": 2.1}, "temperature", "from 0 to 2, not 2.1"),
    Wrong("temperature as text", {"temperature": "hot"}, "temperature", 'not "hot"'),
    Wrong("true is no number", {"temperature": True}, "temperature", "not true"),
    Wrong("too much nucleus", {"top_p": 1.1}, "top_p", "from 0 to 1"),
    Wrong("less than none", {"top_k": -2}, "top_k", "an integer"),
    Wrong("half a token", {"top_k": 1.5}, "top_k", "an integer"),
    Wrong("min_p", {"min_p": -0.1}, "min_p", "from 0 to 1"),
    Wrong("frequency_penalty", {"frequency_penalty": 3}, "frequency_penalty", "from -2 to 2"),
    Wrong("presence_penalty", {"presence_penalty": -3}, "presence_penalty", "from -2 to 2"),
    Wrong("repeat_penalty", {"repeat_penalty": -1}, "repeat_penalty", "from 0 to 10"),
    Wrong("repeat_last_n", {"repeat_last_n": -1}, "repeat_last_n", "an integer"),
    Wrong("a seed beyond 64 bits", {"seed": 2**70}, "seed", "an integer"),
    Wrong("a seed with a fraction", {"seed": 1.5}, "seed", "an integer"),
    Wrong("bias must be an object", {"logit_bias": [1]}, "logit_bias", "an object"),
    Wrong("bias of words", {"logit_bias": {"word": 1}}, "logit_bias", "ids of tokens"),
    Wrong("bias of a token nobody has", {"logit_bias": {"9" * 5000: 1}}, "logit_bias", "ids of tokens"),
    Wrong("too much bias", {"logit_bias": {"5": 101}}, "logit_bias.5", "from -100 to 100"),
    Wrong("no tokens at all", {"max_tokens": 0}, "max_tokens", "1 or more"),
    Wrong("less than no tokens", {"max_completion_tokens": -5}, "max_completion_tokens", "1 or more"),
    Wrong("five stops", {"stop": ["a"] * 5}, "stop", "up to 4"),
    Wrong("a stop that is no text", {"stop": [1]}, "stop.0", "a string"),
    Wrong("an empty stop would end everything", {"stop": ""}, "stop", "not empty"),
    Wrong("tools must be a list", {"tools": {}}, "tools", "a list"),
    Wrong("a tool has a function", {"tools": [{"type": "function"}]}, "tools.0.function", "missing"),
    Wrong("a tool has a name", {"tools": [{"type": "function", "function": {}}]}, "tools.0.function.name", "missing"),
    Wrong("a name without blanks", {"tools": [{"type": "function", "function": {"name": "a b"}}]},
          "tools.0.function.name", "letters, digits"),
    Wrong("a name that is too long", {"tools": [{"type": "function", "function": {"name": "a" * 65}}]},
          "tools.0.function.name", "64"),
    Wrong("a name with a line's end", {"tools": [{"type": "function", "function": {"name": "look\n"}}]},
          "tools.0.function.name", "letters, digits"),
    Wrong("a name twice", {"tools": [LOOK, LOOK]}, "tools.1.function.name", "already"),
    Wrong("parameters as a list", {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
          "tools.0.function.parameters", "JSON Schema"),
    Wrong("parameters as true", {"tools": [LOOK, {"type": "function", "function": {"name": "f", "parameters": True}}]},
          "tools.1.function.parameters", "JSON Schema"),
    Wrong("strict or not", {"tools": [{"type": "function", "function": {"name": "f", "strict": "yes"}}]},
          "tools.0.function.strict", "true or false"),
    Wrong("a custom tool has a name", {"tools": [{"type": "custom", "custom": {}}]}, "tools.0.custom.name", "missing"),
    Wrong("a custom tool's name", making("a b"), "tools.0.custom.name", "letters"),
    Wrong("a name twice, in two kinds", {"tools": [LOOK, *making("look")["tools"]]}, "tools.1.custom.name", "already"),
    Wrong("a name beside the object", {"tools": [{**SAY, "name": "say"}]}, "tools.0.name", "belongs into"),
    Wrong("a format has a type, too", making("f", form={}), "tools.0.custom.format.type", "missing"),
    Wrong("a format of another kind", making("f", form={"type": "xml"}), "tools.0.custom.format.type", '"grammar"'),
    Wrong("any text has no grammar", making("f", form={**grammar("regex", "x"), "type": "text"}),
          "tools.0.custom.format.grammar", "goes with"),
    Wrong("a grammar has a syntax", making("f", form={"type": "grammar", "grammar": {"definition": "x"}}),
          "tools.0.custom.format.grammar.syntax", "missing"),
    Wrong("a grammar of another syntax", making("f", form=grammar("gbnf", "x")),
          "tools.0.custom.format.grammar.syntax", '"lark"'),
    Wrong("a grammar is text", making("f", form=grammar("lark", 5)),
          "tools.0.custom.format.grammar.definition", "a string"),
    Wrong("tools of other kinds", {"tools": [{"type": "retrieval"}]}, "tools.0.type", '"function"'),
    Wrong("a tool that is not there", chosen({"type": "function", "function": {"name": "fly"}}), "tool_choice", "fly"),
    Wrong("a choice nobody knows", chosen("any"), "tool_choice", '"required"'),
    Wrong("a choice of a wrong type", chosen(5), "tool_choice", "not 5"),
    Wrong("required without tools", {"tool_choice": "required"}, "tool_choice", "no tools"),
    Wrong("named without tools", {"tool_choice": GO}, "tool_choice", "no tools"),
    Wrong("named without a name", chosen({"type": "function"}), "tool_choice.function", "missing"),
    Wrong("a custom choice of nothing", chosen({"type": "custom"}), "tool_choice.custom", "missing"),
    Wrong("a choice of another kind", chosen({"type": "mcp"}), "tool_choice.type", '"custom"'),
    Wrong("allowed without tools", chosen({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}),
          "tool_choice", "at least one"),
    Wrong("allowed what is not there", chosen({"type": "allowed_tools", "allowed_tools": {
        "mode": "auto", "tools": [{"type": "function", "function": {"name": "fly"}}]}}), "tool_choice", "fly"),
    Wrong("allowed in what mode", chosen({"type": "allowed_tools", "allowed_tools": {"mode": "none", "tools": [GO]}}),
          "tool_choice.allowed_tools.mode", '"auto"'),
    Wrong("parallel or not", {"parallel_tool_calls": "no"}, "parallel_tool_calls", "true or false"),
    Wrong("a format has a type", {"response_format": {}}, "response_format.type", "missing"),
    Wrong("a format nobody knows", {"response_format": {"type": "xml"}}, "response_format.type", '"json_object"'),
    Wrong("a schema that is none", {"response_format": {"type": "json_schema", "json_schema": {"schema": [1]}}},
          "response_format.json_schema.schema", "an object"),
    Wrong("for the template: an object", {"chat_template_kwargs": []}, "chat_template_kwargs", "an object"),
    Wrong("another notation: its name", {"dialect": 1}, "dialect", "a string"),
    Wrong("our instructions or not", {"add_custom_system_prompt": 0}, "add_custom_system_prompt", "true or false"),
    Wrong("accepted fields have types, too", {"user": 5}, "user", "a string"),
    Wrong("and those of Cortex", {"engine": {}}, "engine", "a string"),
    Wrong("metadata is an object", {"metadata": "x"}, "metadata", "an object"),
    Wrong("store or not", {"store": "x"}, "store", "true or false"),
    Wrong("no choice at all", {"n": 0}, "n", "an integer from 1 to 128"),
    Wrong("too many choices", {"n": 129}, "n", "an integer from 1 to 128"),
    Wrong("true is not 1", {"n": True}, "n", "an integer from 1 to 128"),
    Wrong("log probabilities or not", {"logprobs": 3}, "logprobs", "true or false"),
    Wrong("the likeliest of none", {"top_logprobs": 3}, "top_logprobs", "needs logprobs"),
    Wrong("the likeliest, and no", {"logprobs": False, "top_logprobs": 3}, "top_logprobs", "needs logprobs"),
    Wrong("too many of the likeliest", {"logprobs": True, "top_logprobs": 21}, "top_logprobs", "from 0 to 20"),
    Wrong("too many of them in llama-server's word", {"n_probs": 21}, "n_probs", "from 0 to 20"),
    Wrong("going on or not", {"ignore_eos": 1}, "ignore_eos", "true or false"),
    Wrong("speech", {"modalities": ["text", "audio"]}, "modalities", "only text"),
    Wrong("its voice", {"audio": {"voice": "alloy", "format": "wav"}}, "audio", "only text"),
    Wrong("a prediction is an object", {"prediction": "x"}, "prediction", "an object"),
    Wrong("a prediction of another kind", {"prediction": {"type": "x", "content": "x"}},
          "prediction.type", '"content"'),
    Wrong("a prediction of nothing", {"prediction": {"type": "content"}}, "prediction.content", "missing"),
    Wrong("a prediction of a number", {"prediction": {"type": "content", "content": 5}},
          "prediction.content", "a list"),
    Wrong("a predicted picture", {"prediction": {"type": "content", "content": [{"type": "image_url"}]}},
          "prediction.content.0.type", '"text"'),
    Wrong("a predicted part without text", {"prediction": {"type": "content", "content": [{"type": "text"}]}},
          "prediction.content.0.text", "missing"),
    Wrong("moderation", {"moderation": {"model": "m"}}, "moderation", "no moderation model"),
    Wrong("the web", {"web_search_options": {}}, "web_search_options", "does not search"),
    Wrong("functions and tools", {"functions": [{"name": "f"}], "tools": [LOOK]}, "tools", "function_call"),
    Wrong("functions and a choice of tools", {"functions": [{"name": "f"}], "tool_choice": "auto"},
          "tool_choice", "function_call"),
    Wrong("functions are a list", {"functions": {}}, "functions", "a list"),
    Wrong("a function has a name", {"functions": [{}]}, "functions.0.name", "missing"),
    Wrong("a function twice", {"functions": [{"name": "f"}, {"name": "f"}]}, "functions.1.name", "already"),
    Wrong("a function that is not there", {"functions": [{"name": "f"}], "function_call": {"name": "g"}},
          "function_call", "g"),
    Wrong("a call nobody knows", {"functions": [{"name": "f"}], "function_call": "required"},
          "function_call", '"auto"'),
    Wrong("a function without functions", {"function_call": {"name": "f"}}, "function_call", "no functions"),
    Wrong("tools and a choice of functions", {"tools": [LOOK], "function_call": "none"},
          "function_call", "tool_choice"),
    Wrong("effort", {"reasoning_effort": "huge"}, "reasoning_effort", "xhigh"),
    Wrong("verbosity", {"verbosity": 1}, "verbosity", "one of low"),
    Wrong("thoughts elsewhere", {"reasoning_format": "grok"}, "reasoning_format", "deepseek"),
    Wrong("a grammar is a text", {"grammar": {"type": "lark"}}, "grammar", "a string"),
    Wrong("a third Mirostat", {"mirostat": 3}, "mirostat", "from 0 to 2"),
    Wrong("tail-free sampling", {"tfs_z": 0.5}, "tfs_z", "tail-free"),
]  # fmt: skip


def body(sent: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [HI], **sent}


def named(row: Row | Wrong) -> str:
    return row.why


@pytest.mark.parametrize("row", RIGHT, ids=named)
def test_a_request_becomes_a_chat(row: Row) -> None:
    expected: dict[str, Any] = {"messages": (User("Hi"),), "max_tokens": 99, "stop": ("END",), **sampled(), **row.chat}
    request = read(body(row.sent), DEFAULTS)
    assert request.chat == Chat(**expected)
    assert (request.warnings, request.stream, request.include_usage) == (row.warnings, row.stream, row.include_usage)
    assert request.shape == row.shape
    assert request.model == row.sent.get("model", "m")


@pytest.mark.parametrize(("sent", "messages"), [row[1:] for row in HISTORIES], ids=[row[0] for row in HISTORIES])
def test_a_history_becomes_messages(sent: dict[str, Any], messages: tuple[Message, ...]) -> None:
    request = read(body(sent))
    assert request.chat.messages == messages
    assert request.warnings == ()


@pytest.mark.parametrize("row", WRONG, ids=named)
def test_a_request_is_refused(row: Wrong) -> None:
    with pytest.raises(BadRequest) as caught:
        read(body(row.sent), DEFAULTS)
    assert caught.value.param == row.param
    assert row.says in caught.value.message
    assert row.param is None or caught.value.message.startswith(row.param)


def test_without_settings_the_core_decides() -> None:
    assert read(body({})).chat == Chat((User("Hi"),))


def test_every_field_of_the_specification_is_in_the_table() -> None:
    theirs = get_type_hints(spec.CompletionCreateParamsStreaming).keys()
    assert {name for name, row in fields.FIELDS.items() if row.openai} == theirs


def test_every_field_has_a_row_that_sets_it() -> None:
    sent = [row.sent for row in RIGHT] + [row.sent for row in WRONG]
    set_by_rows = {name for fields_ in sent for name, value in fields_.items() if value is not None}
    assert set_by_rows >= fields.NAMES


def test_every_refused_field_has_a_row_that_refuses_it() -> None:
    refused = {name for name, row in fields.FIELDS.items() if isinstance(row.rule, fields.Refused) and row.openai}
    assert refused <= {row.param for row in WRONG}


@pytest.mark.parametrize("sent", [row.sent for row in RIGHT if any("knows no such" in note for note in row.warnings)])
def test_strict_fields_refuse_what_nobody_knows(sent: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as caught:
        read(body(sent), strict=True)
    assert caught.value.code == "unknown_parameter"


@pytest.mark.parametrize(
    "row", [row for row in RIGHT if not any("knows no" in note for note in row.warnings)], ids=named
)
def test_strict_fields_accept_everything_known(row: Row) -> None:
    assert read(body(row.sent), DEFAULTS, strict=True) == read(body(row.sent), DEFAULTS)


@pytest.mark.parametrize("name", [name for name, row in fields.FIELDS.items() if isinstance(row.rule, fields.Refused)])
def test_what_cannot_be_obeyed_is_refused_whatever_it_is(name: str) -> None:
    with pytest.raises(BadRequest, match=name) as caught:
        read(body({name: {"some": "thing"}}))
    assert caught.value.code == "unsupported_value"


def test_the_same_history_gives_the_same_ids() -> None:
    sent = body(said(asked(call(None)), result(None)))
    assert read(sent) == read(sent)


def test_the_documentation_names_every_field() -> None:
    schema = fields.request_schema()
    assert schema["properties"].keys() == fields.NAMES
    assert all(row["description"] for row in schema["properties"].values())
