"""What a client asked, as values. Every API's JSON becomes this, and nothing after it sees that JSON again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Schema = Mapping[str, Any]  # a JSON Schema, as the client sent it


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call in the history. `arguments` is the client's text: it should be a JSON object and often is not."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class System:
    """A `system` or `developer` message."""

    text: str


@dataclass(frozen=True, slots=True)
class User:
    text: str


@dataclass(frozen=True, slots=True)
class Assistant:
    """What the model said earlier. `text` is "" where the client left `content` out."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The answer to the call `call_id`."""

    text: str
    call_id: str


Message = System | User | Assistant | ToolResult


@dataclass(frozen=True, slots=True)
class Input:
    """The text that a custom tool takes: any, or one that follows a `definition` in this syntax."""

    syntax: Literal["text", "regex", "lark"] = "text"
    definition: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. `parameters` is the JSON Schema of its arguments object.

    `input`: it is a custom tool, a function with one argument (custom.py). `place` is the request's field that says
    what the tool takes, for complaints.
    """

    name: str
    description: str = ""
    parameters: Schema = field(default_factory=dict)
    strict: bool = False
    input: Input | None = None
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """`tool_choice`: how often to call (`mode`), and which tools may be called (`only`; None: all of them).

    A named tool is `Choice("required", frozenset({name}))`.
    """

    mode: Literal["none", "auto", "required"] = "auto"
    only: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. `temperature` 0 is greedy; `top_k` 0, `top_p` 1 and `min_p` 0 are off.

    `frequency_penalty` and `presence_penalty` are OpenAI's (subtracted from logits, over the generated tokens);
    `repeat_penalty` is llama.cpp's (divides positive logits of the last `repeat_last_n` tokens; 1 is off).
    `logit_bias` is added per token id. `seed` None draws a fresh one.

    As in llama.cpp: `typ_p` 1 is off; top_p, min_p and typ_p leave at least `min_keep` tokens; with a `dynatemp_range`
    the temperature moves by so much; `mirostat` 1 or 2 takes the place of all that narrows; `penalize_nl` False spares
    the end of a line from penalties.
    """

    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.0
    seed: int | None = None
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    logit_bias: tuple[tuple[int, float], ...] = ()
    typ_p: float = 1.0
    min_keep: int = 0
    dynatemp_range: float = 0.0
    dynatemp_exponent: float = 1.0
    mirostat: int = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    penalize_nl: bool = True


MOST = 2**31 - 1
# Fields of `Sampling` -> the least and the greatest value that somebody may ask for.
NUMBERS: Mapping[str, tuple[float, float]] = {
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "frequency_penalty": (-2.0, 2.0),
    "presence_penalty": (-2.0, 2.0),
    "repeat_penalty": (0.0, 10.0),
    "typ_p": (0.0, 1.0),
    "dynatemp_range": (0.0, 2.0),
    "dynatemp_exponent": (0.0, 10.0),
    "mirostat_tau": (0.0, 100.0),
    "mirostat_eta": (0.0, 1.0),
}
# vLLM's clients write -1 for no top_k
COUNTS: Mapping[str, tuple[int, int]] = {
    "top_k": (-1, MOST), "repeat_last_n": (0, MOST), "min_keep": (0, MOST), "mirostat": (0, 2)
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat request.

    `schema` constrains the final answer (`response_format`); `schema_strict`: nothing in it may be passed over.
    `max_tokens` None means up to the context's end. `stop` ends the visible text, never a call. `tool_prompt` False
    leaves our tool instructions out (`add_custom_system_prompt: false`). `template_args` go to the chat template as
    they are. `dialect` names the notation of tool calls; "" is the model's own. `grammar` is one of the client's own,
    for the whole reply. `effort` (of reasoning) and `verbosity` are OpenAI's, "" where they are left to the model.
    `thoughts` come apart from the text, inside it in their marks, or both. `logprobs`, `ignore_eos` and `prediction`
    are those of a `Job`.
    """

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    choice: Choice = Choice()
    parallel: bool = True
    schema: Schema | None = None
    schema_strict: bool = False
    sampling: Sampling = Sampling()
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    tool_prompt: bool = True
    template_args: Mapping[str, Any] = field(default_factory=dict)
    dialect: str = ""
    grammar: str = ""
    logprobs: int | None = None
    ignore_eos: bool = False
    prediction: str = ""
    effort: str = ""
    verbosity: str = ""
    thoughts: Literal["apart", "inside", "both"] = "apart"
