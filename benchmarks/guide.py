"""The function calling guide in eight steps, judged: does a server do what the guide needs? For any base URL.

    python benchmarks/guide.py [--model MODEL ...] [--base-url URL]

At temperature 0. A step is right if the reply is right in form *and* says what the step needs; what came is printed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openai import APIError, OpenAI

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
from function_calling import CURRENT_CONDITIONS, DELIVERY_DATE, HELLO, ORDER, SYSTEM, TSHIRT_SIZE, WHICH, user

Calls = list[tuple[str, Any]]
BOTH = [DELIVERY_DATE, CURRENT_CONDITIONS]
DOUBLE = user("What is the delivery date for order_12345, and what is the weather in Los Angeles in Fahrenheit?")
GUIDES_OWN = [
    SYSTEM,
    HELLO,
    WHICH,
    ORDER,
    {
        "role": "assistant",  # without content, and with arguments in single quotes: word for word the guide's
        "tool_calls": [
            {
                "id": "call_62136354",
                "type": "function",
                "function": {"arguments": "{'order_id': 'order_12345'}", "name": "get_delivery_date"},
            }
        ],
    },
    {
        "role": "tool",
        "content": '{"order_id": "order_12345", "delivery_date": "2025-02-03 11:53:09"}',
        "tool_call_id": "call_62136354",
    },
]


@dataclass(frozen=True)
class Step:
    title: str
    messages: Sequence[Any]
    tools: Sequence[Any]
    right: Callable[[Calls, str], bool]
    options: Mapping[str, Any] = field(default_factory=dict)


def words(calls: Calls, text: str) -> bool:
    return not calls and bool(text.strip()) and '"name"' not in text


STEPS = [
    Step(
        "no id: asks, or calls",
        [SYSTEM, HELLO],
        [DELIVERY_DATE],
        lambda calls, text: words(calls, text) or [name for name, _ in calls] == ["get_delivery_date"],
    ),
    Step(
        "id given: calls with it",
        [SYSTEM, HELLO, WHICH, ORDER],
        [DELIVERY_DATE],
        lambda calls, _: calls == [("get_delivery_date", {"order_id": "order_70705"})],
    ),
    Step(
        "result: tells the date",
        GUIDES_OWN,
        [DELIVERY_DATE],
        lambda calls, text: words(calls, text) and re.search(r"2025-02-03|February 3|3 February", text) is not None,
    ),
    Step(
        "double request: both calls",
        [SYSTEM, DOUBLE],
        BOTH,
        lambda calls, _: (
            [name for name, _ in calls] == ["get_delivery_date", "get_current_conditions"]
            and "12345" in calls[0][1]["order_id"]  # with or without its prefix: the 1.5B is even between the two
            and calls[1][1]["unit"] == "Fahrenheit"
        ),
    ),
    Step("none: words", [SYSTEM, DOUBLE], BOTH, words, {"tool_choice": "none"}),
    Step(
        "named: that tool",
        [SYSTEM, DOUBLE],
        BOTH,
        lambda calls, _: [name for name, _ in calls] == ["get_current_conditions"],
        {"tool_choice": {"type": "function", "function": {"name": "get_current_conditions"}}},
    ),
    Step(
        "enum: one of its values",
        [user("I'd like a medium t-shirt, please.")],
        [TSHIRT_SIZE],
        lambda calls, _: calls == [("pick_tshirt_size", {"size": "m"})],
    ),
    Step(
        "required: calls, whatever is said",
        [SYSTEM, user("Say hello.")],
        BOTH,
        lambda calls, _: bool(calls),
        {"tool_choice": "required"},
    ),
]


def ask(client: OpenAI, model: str, step: Step) -> tuple[bool, str]:
    """Whether the step came out right, and what came."""
    try:
        reply = client.chat.completions.create(
            model=model, messages=step.messages, tools=step.tools, temperature=0, max_tokens=300, **step.options
        )
        message = reply.choices[0].message
        calls = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]
    except (APIError, ValueError) as error:
        return False, f"{type(error).__name__}: {error}"
    honest = (reply.choices[0].finish_reason == "tool_calls") is bool(calls)
    return honest and step.right(calls, message.content or ""), json.dumps(calls) if calls else repr(message.content)


def probe(client: OpenAI, model: str) -> int:
    print(f"\n{model}")
    right = 0
    for number, step in enumerate(STEPS, 1):
        began = time.perf_counter()
        good, came = ask(client, model, step)
        right += good
        seconds = time.perf_counter() - began
        print(f"  {number}. {step.title:34} {'right' if good else 'WRONG'} {seconds:5.1f} s  {came[:150]}", flush=True)
    print(f"  {right} of {len(STEPS)} right")
    return right


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", nargs="+", default=["qwen2.5-coder:1.5b"])
    options.add_argument("--base-url", default="http://127.0.0.1:39281/v1")
    given = options.parse_args()
    with OpenAI(base_url=given.base_url, api_key="not-needed", max_retries=0) as client:
        for model in given.model:
            probe(client, model)


if __name__ == "__main__":
    main()
