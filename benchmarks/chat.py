"""Times a running server as a client sees it: first token, tokens a second, what the cache saves. Judges no answer.

python benchmarks/chat.py [--model MODEL] [--base-url URL] [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openai import OpenAI, OpenAIError
from rich.console import Console
from rich.table import Table

Json = dict[str, Any]

TOOL: Json = {
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
LONG = "The train leaves at nine, unless it rains; then it leaves at ten. " * 24


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds to the first text or call, seconds to the end, and counts of tokens."""

    first: float
    whole: float
    prompt: int
    cached: int
    completion: int

    @property
    def rate(self) -> float:
        """Tokens a second after the first; 0 where there is no second one."""
        return (self.completion - 1) / (self.whole - self.first) if self.completion > 1 else 0.0


Ask = Callable[..., Timing]


def asker(client: OpenAI, model: str) -> Ask:
    def ask(messages: list[Json], **fields: Any) -> Timing:
        begin, first, usage = time.perf_counter(), 0.0, None
        stream = client.chat.completions.create(  # type: ignore[call-overload]
            model=model,
            messages=messages,
            temperature=0,
            max_tokens=64,
            stream=True,
            stream_options={"include_usage": True},
            **fields,
        )
        for chunk in stream:
            usage = chunk.usage or usage
            said = [choice for choice in chunk.choices if choice.delta.content or choice.delta.tool_calls]
            first = first or (time.perf_counter() - begin if said else 0.0)
        whole = time.perf_counter() - begin
        if usage is None:
            raise OpenAIError("the stream ended without its usage")
        details = usage.prompt_tokens_details
        cached = (details.cached_tokens if details else None) or 0
        return Timing(first or whole, whole, usage.prompt_tokens, cached, usage.completion_tokens)

    return ask


def once(ask: Ask) -> dict[str, Timing]:
    """One round. Its prompts begin with something new, so that only what this round has sent can be cached."""
    fresh: list[Json] = [{"role": "user", "content": f"{uuid.uuid4()}. {LONG}When does the train leave?"}]
    weather: list[Json] = [{"role": "user", "content": f"({uuid.uuid4()}) How warm is it in Paris, in Celsius?"}]
    return {
        "long prompt": ask(fresh),
        "the same again": ask(fresh),
        "forced call": ask(weather, tools=[TOOL], tool_choice="required"),
        "the call again": ask(weather, tools=[TOOL], tool_choice="required"),
    }


def spread(values: list[float], digits: int) -> str:
    return " ".join(f"{figure:.{digits}f}" for figure in (min(values), statistics.median(values), max(values)))


def table(rounds: list[dict[str, Timing]]) -> Table:
    made = Table(caption="prompt (cached) and reply in tokens; times in seconds: least, median, most", box=None)
    for column in ("", "prompt", "reply", "first token", "whole", "tokens/s"):
        made.add_column(column, justify="right" if column else "left", no_wrap=True)
    for name in rounds[0]:
        timings = [timed[name] for timed in rounds]
        last = timings[-1]
        made.add_row(
            *(name, f"{last.prompt} ({last.cached})", str(last.completion)),
            *(spread([t.first for t in timings], 1), spread([t.whole for t in timings], 1)),
            spread([t.rate for t in timings], 0),
        )
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description="Times a running server as a client sees it.")
    parser.add_argument("--model", default=os.environ.get("CORTEX_MODEL", "qwen2.5-coder:1.5b"))
    parser.add_argument("--base-url", default=os.environ.get("CORTEX_BASE_URL", "http://127.0.0.1:39281/v1"))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ask = asker(OpenAI(base_url=options.base_url, api_key="not-needed", max_retries=0), options.model)
    console = Console()
    try:
        with console.status("loading the model"):
            ask([{"role": "user", "content": "Hi"}])
        with console.status("asking"):
            rounds = [once(ask) for _ in range(max(1, options.rounds))]
    except OpenAIError as error:
        print(
            f"{options.base_url}: {error}. Is it running? `cortex run -d {options.model}` starts it.", file=sys.stderr
        )
        return 1
    console.print(table(rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
