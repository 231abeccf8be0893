"""The function calling guide as a conversation, through the real `openai` client. Prints what came; expects no answer.

    python examples/function_calling.py [--model MODEL] [--base-url URL]

Ends with 1 if a reply was malformed (a call to a tool that was not offered, arguments that do not fit its schema, a
wrong finish_reason), never because a model answered foolishly.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from jsonschema import Draft202012Validator
from openai import OpenAI, OpenAIError
from openai.types.chat import ChatCompletion, ChatCompletionMessageFunctionToolCall
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

Json = dict[str, Any]

DELIVERY_DATE: Json = {
    "type": "function",
    "function": {
        "name": "get_delivery_date",
        "strict": True,
        "description": "Get the delivery date for a customer's order. Call this whenever you need to know the delivery "
        "date, for example when a customer asks 'Where is my package'",
        "parameters": {
            "type": "object",
            "properties": {"order_id": {"type": "string", "description": "The customer's order ID."}},
            "required": ["order_id"],
            "additionalProperties": False,
        },
    },
}
CURRENT_CONDITIONS: Json = {
    "type": "function",
    "function": {
        "name": "get_current_conditions",
        "description": "Get the current weather conditions for a location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state, e.g., San Francisco, CA"},
                "unit": {"type": "string", "enum": ["Celsius", "Fahrenheit"]},
            },
            "required": ["location", "unit"],
        },
    },
}
TSHIRT_SIZE: Json = {
    "type": "function",
    "function": {
        "name": "pick_tshirt_size",
        "description": "Handle t-shirt size selection",
        "parameters": {
            "type": "object",
            "properties": {
                "size": {"type": "string", "enum": ["s", "m", "l"], "description": "T-shirt size selection"}
            },
            "required": ["size"],
        },
    },
}

SYSTEM: Json = {
    "role": "system",
    "content": "You are a helpful customer support assistant. Use the supplied tools to assist the user.",
}


def user(text: str) -> Json:
    return {"role": "user", "content": text}


HELLO = user("Hi, can you tell me the delivery date for my order?")
WHICH: Json = {"role": "assistant", "content": "Of course! Please provide your order ID so I can look it up."}
ORDER = user("i think it is order_70705")

# The model's own words are told apart from an assistant's that the guide puts into the history.
COLOURS = {"user": "green", "model": "bold yellow", "assistant": "yellow", "tool": "magenta"}


@dataclass(frozen=True, slots=True)
class Step:
    """One request. `may` are the values of finish_reason that are right in form for its `tool_choice`."""

    title: str
    messages: Sequence[Json]
    tools: Sequence[Json]
    choice: str | Json = "auto"
    may: frozenset[str] = frozenset({"stop", "tool_calls", "length"})


class Talk:
    """Holds the conversation and counts what was wrong in form."""

    def __init__(self, client: OpenAI, model: str, console: Console) -> None:
        self.client, self.model, self.console = client, model, console
        self.said: list[Json] = []
        self.faults = 0

    def ask(self, step: Step) -> list[Json]:
        """The messages to go on with: the reply and each call's result; none if nothing was called, or not rightly."""
        self.console.rule(f"[bold]{escape(step.title)}", align="left", style="dim")
        self.console.print(f"[dim]{escape(offer(step))}")
        self.show(step.messages)
        begin = time.perf_counter()
        reply = self.request(step)
        message = reply.choices[0].message.model_dump(exclude_none=True)
        self.show([*step.messages, message], "model")
        self.console.print(f"[dim]{escape(counts(reply, time.perf_counter() - begin))}")
        wrong = faults(step, reply)
        self.faults += len(wrong)
        for fault in wrong:
            self.console.print(f"[bold red]malformed: {escape(fault)}")
        self.console.print()
        return results(message) if reply.choices[0].finish_reason == "tool_calls" and not wrong else []

    def request(self, step: Step) -> ChatCompletion:
        with self.console.status("waiting for the model"):
            reply = self.client.chat.completions.create(  # type: ignore[call-overload]
                model=self.model,
                messages=list(step.messages),
                tools=list(step.tools),
                tool_choice=step.choice,
                temperature=0.6,
                top_p=0.9,
                max_tokens=512,
            )
        assert isinstance(reply, ChatCompletion)
        return reply

    def show(self, messages: Sequence[Json], who: str | None = None) -> None:
        """Prints what is new since the last time, as said by `who` or else by each message's role."""
        common = takewhile(lambda pair: pair[0] == pair[1], zip(self.said, messages, strict=False))
        for message in messages[sum(1 for _ in common) :]:
            for text, style in spoken(message):
                self.line(who or message["role"], text, style)
        self.said = list(messages)

    def line(self, who: str, text: str, style: str) -> None:
        grid = Table.grid(Column(width=9, justify="right"), Column(), padding=(0, 2, 0, 0))
        grid.add_row(Text(who, COLOURS.get(who, "dim")), Text(text, style))
        self.console.print(grid)


def spoken(message: Json) -> Iterator[tuple[str, str]]:
    """What is to be read of a message, and how it is to look."""
    if text := message.get("content"):
        yield text, ""
    for call in message.get("tool_calls") or []:
        yield f"calls {call['function']['name']}({call['function']['arguments']})", "bold"


def offer(step: Step) -> str:
    names = ", ".join(tool["function"]["name"] for tool in step.tools)
    match step.choice:
        case str(choice):
            return f"tools: {names}; tool_choice: {choice}"
        case choice:
            return f"tools: {names}; tool_choice: {choice['function']['name']}"


def counts(reply: ChatCompletion, seconds: float) -> str:
    head = f"finish_reason: {reply.choices[0].finish_reason}; {seconds:.1f} s"
    if reply.usage is None:
        return head
    details = reply.usage.prompt_tokens_details
    cached = (details.cached_tokens if details else None) or 0
    return f"{head}; prompt {reply.usage.prompt_tokens} tokens ({cached} cached), reply {reply.usage.completion_tokens}"


def faults(step: Step, reply: ChatCompletion) -> list[str]:
    """What is wrong in form with this reply, whatever it means. A call that was cut off by `length` is not judged."""
    choice, reason = reply.choices[0], reply.choices[0].finish_reason
    calls = choice.message.tool_calls or []
    found = [] if reply.usage else ["usage is missing"]
    if reason not in step.may:
        found.append(f"finish_reason is {reason!r}, and {offer(step)}")
    if reason == "length":
        return found
    if (reason == "tool_calls") != bool(calls):
        found.append(f"finish_reason is {reason!r} with {len(calls)} calls")
    offered = {tool["function"]["name"]: tool["function"]["parameters"] for tool in step.tools}
    return [*found, *(fault for call in calls for fault in call_faults(call, offered))]


def call_faults(call: Any, offered: Json) -> list[str]:
    if not isinstance(call, ChatCompletionMessageFunctionToolCall):
        return [f"a call of type {call.type!r}"]
    name, text = call.function.name, call.function.arguments
    if name not in offered:
        return [f"a call to {name!r}, which was not offered"]
    try:
        arguments = json.loads(text)
    except ValueError:
        return [f"the arguments of {name} are not JSON: {text!r}"]
    errors = Draft202012Validator(offered[name]).iter_errors(arguments)
    found = [f"the arguments of {name}: {error.message}" for error in errors]
    return found if call.id else [*found, f"a call to {name} without an id"]


def run(call: Json) -> str:
    """What the tools of this example answer, whatever they are asked."""
    asked = json.loads(call["function"]["arguments"])
    match call["function"]["name"]:
        case "get_delivery_date":
            day = datetime.now() + timedelta(days=3)
            return json.dumps({**asked, "delivery_date": day.strftime("%Y-%m-%d %H:%M:%S")})
        case "get_current_conditions":
            return json.dumps({**asked, "conditions": "sunny", "temperature": 22})
        case name:
            return json.dumps({"error": f"there is no {name} here"})


def results(message: Json) -> list[Json]:
    """The assistant's message with its calls, and a tool message for each of them."""
    calls = message["tool_calls"]
    return [message, *({"role": "tool", "tool_call_id": call["id"], "content": run(call)} for call in calls)]


def converse(talk: Talk) -> None:
    """The guide, step by step; where a function was called, its result is told to the model."""
    delivery = [DELIVERY_DATE]
    both = [DELIVERY_DATE, CURRENT_CONDITIONS]
    talk.ask(Step("The order's number is not known yet", [SYSTEM, HELLO], delivery))

    known = [SYSTEM, HELLO, WHICH, ORDER]
    if told := talk.ask(Step("Now it is", known, delivery)):
        talk.ask(Step("The function's result", [*known, *told], delivery))

    double = [SYSTEM, user("When will order_70705 arrive, and how is the weather in Boston, MA, in Celsius?")]
    if told := talk.ask(Step("Two functions at once", double, both)):
        talk.ask(Step("What they gave", [*double, *told], both))

    called = frozenset({"tool_calls", "length"})
    talk.ask(Step("No function allowed", known, delivery, "none", frozenset({"stop", "length"})))
    weather = [SYSTEM, user("I am in Paris, France. Should I take an umbrella?")]
    named = {"type": "function", "function": {"name": "get_current_conditions"}}
    talk.ask(Step("One function forced", weather, both, named, called))
    shirt = [SYSTEM, user("I'd like a t-shirt. I am quite small.")]
    talk.ask(Step("An argument with three possible values", shirt, [TSHIRT_SIZE], "required", called))


def main() -> int:
    parser = argparse.ArgumentParser(description="The function calling guide as a conversation.")
    parser.add_argument("--model", default=os.environ.get("CORTEX_MODEL", "qwen2.5-coder:1.5b"))
    parser.add_argument("--base-url", default=os.environ.get("CORTEX_BASE_URL", "http://127.0.0.1:39281/v1"))
    options = parser.parse_args()
    talk = Talk(OpenAI(base_url=options.base_url, api_key="not-needed"), options.model, Console())
    try:
        converse(talk)
    except OpenAIError as error:
        print(f"The server at {options.base_url} did not answer as it should: {error}", file=sys.stderr)
        return 1
    return 1 if talk.faults else 0


if __name__ == "__main__":
    sys.exit(main())
