"""What every client's script plays: two tools, two questions that need both of them at once, and how replies are told.

The scripts run in an environment of their own, where nothing of Cortex is installed. Each reply is told as one line of
JSON: what the client handed to its user, not what came over the wire.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

FIRST = "What is the weather in Paris, and what time is it in Tokyo?"
SECOND = "And the weather in Oslo, and the time in Lima?"
WEATHER = {"Paris": "18 degrees, rain", "Oslo": "3 degrees, snow"}
TIMES = {"Tokyo": "07:42", "Lima": "17:25"}


def get_weather(city: str) -> str:
    """Get the current weather in a city.

    Args:
        city: Name of the city
    """
    return WEATHER.get(city, "unknown")


def get_local_time(city: str) -> str:
    """Get the local time in a city.

    Args:
        city: Name of the city
    """
    return TIMES.get(city, "unknown")


FUNCTIONS = {"get_weather": get_weather, "get_local_time": get_local_time}
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": (function.__doc__ or "").split("\n")[0],
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
    for name, function in FUNCTIONS.items()
]


def result(name: str, arguments: str) -> str:
    return FUNCTIONS[name](**json.loads(arguments))


def call(id: str | None, name: str, arguments: str | dict[str, Any]) -> dict[str, Any]:
    """A call as it is told. Raises where its arguments are no JSON."""
    return {"id": id, "name": name, "arguments": json.loads(arguments) if isinstance(arguments, str) else arguments}


def tell(
    *, streamed: bool, calls: Iterable[dict[str, Any]] = (), text: str | None = None, pieces: int = 0, **more: Any
) -> None:
    """`pieces`: how many a streamed reply came in. `more`: finish, prompt and completion, where a client says."""
    told = {"streamed": streamed, "calls": list(calls), "text": text or "", "pieces": pieces} | more
    print(json.dumps(told), flush=True)
