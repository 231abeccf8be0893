"""Every field of a chat request, once: obeyed, accepted because it changes nothing here, or refused. Never ignored.

OpenAI's fields come from its specification of `POST /v1/chat/completions`; the others from llama.cpp's server and
from Cortex 1.x. The API's documentation and the table in the tests are made from the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cortex.server.wire.decoding import MOST_LIKELY
from cortex.server.wire.node import Node
from cortex.server.wire.shapes import (
    CALL,
    EFFORT,
    FLAG,
    FORMAT,
    FUNCTIONS,
    INT,
    LIST,
    MESSAGES,
    NUMBER,
    OBJECT,
    PREDICTION,
    STOP,
    TEXT,
    THOUGHTS,
    TOOL_CHOICE,
    TOOLS,
    VERBOSITY,
    Json,
    span,
)


@dataclass(frozen=True, slots=True)
class Obeyed:
    """Read by `chat.read`; null is as good as absent."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Any value of the right type is fine: `why` says why it changes nothing on this machine."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A 400 that says `why`, unless the value is one of `fine`: those ask for what happens anyway."""

    why: str
    fine: tuple[Any, ...] = ()


Rule = Obeyed | Accepted | Refused


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    rule: Rule
    about: str
    schema: Json = field(default_factory=dict)
    openai: bool = True


_LATER = "not supported by this server"

_LIKELY = span("integer", 0, MOST_LIKELY)

_OPENAI = (
    Field("messages", Obeyed(), "The conversation so far.", MESSAGES),
    Field("model", Obeyed(), "The model's id; it is loaded by the first request that names it.", TEXT),
    Field("stream", Obeyed(), "Send the reply as server-sent events while it is made.", FLAG),
    Field("stream_options", Obeyed(), "`include_usage` adds a last chunk with the token counts.", OBJECT),
    Field("tools", Obeyed(), "Functions and custom tools that the model may call.", TOOLS),
    Field("tool_choice", Obeyed(), "Whether to call, and what: a mode, a named tool or allowed_tools.", TOOL_CHOICE),
    Field("parallel_tool_calls", Obeyed(), "Whether one reply may hold several calls. Default true.", FLAG),
    Field("response_format", Obeyed(), "Text, any JSON object, or JSON of a given schema.", FORMAT),
    Field("max_completion_tokens", Obeyed(), "The most tokens of the reply; wins over max_tokens.", INT),
    Field("max_tokens", Obeyed(), "The most tokens of the reply; -1 means up to the context's end.", INT),
    Field("stop", Obeyed(), "Up to 4 texts that end the reply.", STOP),
    Field("temperature", Obeyed(), "0 always takes the likeliest token.", span("number", 0, 2)),
    Field("top_p", Obeyed(), "Nucleus sampling; 1 is off.", span("number", 0, 1)),
    Field("frequency_penalty", Obeyed(), "Against repeating a token, by count.", span("number", -2, 2)),
    Field("presence_penalty", Obeyed(), "Against repeating a token at all.", span("number", -2, 2)),
    Field("logit_bias", Obeyed(), "Token id -> what is added to its logit, -100 to 100.", OBJECT),
    Field("seed", Obeyed(), "The same seed draws the same reply; -1 draws a fresh one.", INT),
    Field("store", Accepted("nothing is stored on this server"), "", FLAG),
    Field("metadata", Accepted("it labels stored completions, and none are stored"), "", OBJECT),
    Field("user", Accepted("there is one user"), "", TEXT),
    Field("safety_identifier", Accepted("there is one user"), "", TEXT),
    Field("service_tier", Accepted("there is one tier"), "", TEXT),
    Field("prompt_cache_key", Accepted("the longest cached prefix is always found"), "", TEXT),
    Field("prompt_cache_options", Accepted("the longest cached prefix is always found"), "", OBJECT),
    Field("prompt_cache_retention", Accepted("cached prefixes stay while there is room"), "", TEXT),
    Field("n", Obeyed(), "How many replies; the prompt is computed once.", span("integer", 1, 128)),
    Field("logprobs", Obeyed(), "Say of each token how likely it was, of calls and thoughts too.", FLAG),
    Field("top_logprobs", Obeyed(), "So many of the likeliest tokens with each; needs logprobs.", _LIKELY),
    Field("modalities", Refused("only text can be made here", (["text"],)), '["text"].', LIST),
    Field("audio", Refused("only text can be made here"), "null.", OBJECT),
    Field("prediction", Obeyed(), "Text that the reply may repeat in parts: it changes the time only.", PREDICTION),
    Field("moderation", Refused("there is no moderation model here"), "null.", OBJECT),
    Field("web_search_options", Refused("this server does not search the web"), "null.", OBJECT),
    Field("functions", Obeyed(), "Tools, as of 2023: the reply may hold one `function_call`.", FUNCTIONS),
    Field("function_call", Obeyed(), "none, auto or an object with a name: goes with functions.", CALL),
    Field("reasoning_effort", Obeyed(), "How much to think, where the model's template knows it.", EFFORT),
    Field("verbosity", Obeyed(), "How much to say, where the model's template knows it.", VERBOSITY),
)

_EXTRA = (
    Field("top_k", Obeyed(), "Keep only the k likeliest tokens; 0 is off.", INT),
    Field("min_p", Obeyed(), "Drop tokens less likely than this part of the likeliest.", span("number", 0, 1)),
    Field("repeat_penalty", Obeyed(), "llama.cpp's penalty on recent tokens; 1 is off.", span("number", 0, 10)),
    Field("repeat_last_n", Obeyed(), "How many tokens are recent; 0 is none.", INT),
    Field("chat_template_kwargs", Obeyed(), "Passed to the model's chat template as they are.", OBJECT),
    Field("dialect", Obeyed(), "The notation of tool calls, as `cortex dialects list` names it.", TEXT),
    Field("add_custom_system_prompt", Obeyed(), "false leaves our own tool instructions out.", FLAG),
    Field("engine", Accepted("a model knows its engine"), "", TEXT),
    Field("cache_prompt", Accepted("it changes only the time that a prompt takes"), "", FLAG),
    Field("grammar", Obeyed(), "The whole reply's grammar, in GBNF or llguidance's Lark; not beside tools.", TEXT),
    Field("ignore_eos", Obeyed(), "Go on to max_tokens where the model would end.", FLAG),
    Field("n_probs", Obeyed(), "logprobs and top_logprobs in one; 0 is off.", _LIKELY),
    Field("min_keep", Obeyed(), "top_p, min_p and typ_p leave at least so many tokens.", INT),
    Field("typ_p", Obeyed(), "Typical sampling: keep this part of the probability; 1 is off.", span("number", 0, 1)),
    Field("tfs_z", Refused(f"tail-free sampling is {_LATER}", (1,)), "1.", NUMBER),
    Field("mirostat", Obeyed(), "1 or 2: Mirostat in place of top_k, top_p, min_p and typ_p; 0 is off.", INT),
    Field("mirostat_tau", Obeyed(), "The surprise that Mirostat aims at, in bits.", span("number", 0, 100)),
    Field("mirostat_eta", Obeyed(), "How fast Mirostat learns.", span("number", 0, 1)),
    Field(
        "dynatemp_range", Obeyed(), "The temperature moves by so much, as sure as the model is.", span("number", 0, 2)
    ),
    Field("dynatemp_exponent", Obeyed(), "How it moves with the entropy.", span("number", 0, 10)),
    Field("penalize_nl", Obeyed(), "false spares ends of lines from penalties.", FLAG),
    Field("reasoning_format", Obeyed(), "auto, deepseek: thoughts come apart; none: in the content.", THOUGHTS),
    Field("tools_call_in_user_message", Refused("name the tools in `tools`", (False,)), "false.", FLAG),
)

Table = Mapping[str, Field]


def as_ours(row: Field) -> Field:
    """The same, as a field that OpenAI's route does not have."""
    return replace(row, openai=False)


FIELDS: Table = {row.name: row for row in _OPENAI} | {row.name: as_ours(row) for row in _EXTRA}
NAMES = frozenset(FIELDS)


def check(body: Node, table: Table = FIELDS) -> None:
    """Raises `BadRequest` for a field that is refused, and for an accepted one of a wrong type."""
    for name in body.object():
        found = body.get(name) if name in table else None
        if found is not None:
            _check_one(table[name], found)


def _check_one(row: Field, value: Node) -> None:
    match row.rule:
        case Refused(why, fine) if not any(_same(value.value, okay) for okay in fine):
            hint = f"; leave it out{_or(fine)}"
            raise value.refused(why + hint)
        case Accepted():
            _check_type(row.schema, value)
        case _:
            pass


def _check_type(schema: Json, value: Node) -> None:
    match schema.get("type"):
        case "string":
            value.string()
        case "boolean":
            value.boolean()
        case "object":
            value.object()
        case "number":
            value.number(float("-inf"), float("inf"))
        case "integer":
            value.integer(-(2**63), 2**63 - 1)


def _same(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _or(fine: tuple[Any, ...]) -> str:
    words = [
        {True: "true", False: "false"}.get(okay, repr(okay)) if isinstance(okay, bool) else repr(okay) for okay in fine
    ]
    return f" or set it to {' or '.join(words)}" if words else ""


def request_schema(table: Table = FIELDS, required: Sequence[str] = ("model", "messages")) -> dict[str, Any]:
    """The JSON Schema of a request with these fields, for the API's documentation."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {row.name: _values(row) | {"description": _describe(row)} for row in table.values()},
    }


def _values(row: Field) -> dict[str, Any]:
    match row.rule:
        case Refused(fine=fine):
            return {"enum": [*fine, None]}
        case _:
            return dict(row.schema)


def _describe(row: Field) -> str:
    match row.rule:
        case Obeyed():
            return row.about
        case Accepted(why):
            return f"Accepted without effect: {why}."
        case Refused(why):
            return f"Must be absent, null or {row.about} Otherwise refused: {why}."
