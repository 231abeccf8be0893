"""Conversations as clients send them, the odd ones too. Every text in them is a word that occurs once."""

from __future__ import annotations

from cortex.core.chat import Assistant, Message, System, Tool, ToolCall, ToolResult, User

WEATHER = Tool(
    "look_weather",
    "tellweather",
    {"type": "object", "properties": {"town": {"type": "string"}, "days": {"type": "integer"}}, "required": ["town"]},
)
BARE = Tool("bare_tool")
ODD = Tool(
    "odd_tool",
    "telloddly",
    {
        "type": "object",
        "properties": {
            "mixed": {"type": ["string", "null"], "enum": ["a", None]},
            "any": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"$ref": "#/$defs/x"}}}},
            "untyped": {},
            "all": True,
            "map": {"type": "object", "additionalProperties": {"type": "number"}},
            "const": {"const": 3},
        },
        "$defs": {"x": {"type": "number", "minimum": 1}},
    },
)
TOOLS = (WEATHER, BARE, ODD)


def call(id: str, arguments: str, name: str = "look_weather") -> ToolCall:
    return ToolCall(id, name, arguments)


def asked(arguments: str, *, text: str = "") -> tuple[Message, ...]:
    return User("ulm"), Assistant(text, (call("call_1", arguments),)), ToolResult("rainy", "call_1"), User("danke")


TWO = Assistant("", (call("call_a", '{"town": "aachen"}'), call("call_b", '{"days": 17}', "odd_tool")))

PLAIN: dict[str, tuple[Message, ...]] = {
    "system and user": (System("besober"), User("hallo")),
    "no system": (User("hallo"),),
    "system in the middle": (System("besober"), User("hallo"), Assistant("moin"), System("beshort"), User("tell")),
    "system at the end": (User("hallo"), System("beshort")),
    "only a system message": (System("besober"),),
    "two systems": (System("besober"), System("beshort"), User("hallo")),
    "assistant first": (Assistant("moin"), User("hallo")),
    "system, then assistant": (System("besober"), Assistant("moin"), User("hallo")),
    "two users": (User("hallo"), User("tell")),
    "two assistants": (User("hallo"), Assistant("moin"), Assistant("servus"), User("tell")),
    "empty user": (User(""),),
    "empty user in between": (User("hallo"), Assistant("moin"), User("")),
    "empty answer": (User("hallo"), Assistant(""), User("tell")),
    "white space": (System(" "), User("  hallo\n"), Assistant("\nmoin "), User("tell")),
    "a thought": (User("hallo"), Assistant("moin", reasoning="hmm"), User("tell")),
    "a thought in the text": (User("hallo"), Assistant("<think>\nhmm\n</think>\n\nmoin"), User("tell")),
    "an answer last": (User("hallo"), Assistant("moin")),
    "long": tuple(User(f"user{i}x") if i % 2 == 0 else Assistant(f"bot{i}x") for i in range(21)),
}
CALLS: dict[str, tuple[Message, ...]] = {
    "a call": asked('{"town": "aachen", "days": 17}'),
    "a call and its result": asked('{"town": "aachen"}')[:3],
    "text beside a call": asked('{"town": "aachen"}', text="wait"),
    "a system and a call": (System("besober"), *asked('{"town": "aachen"}', text="wait")),
    "two calls": (User("ulm"), TWO, ToolResult("rainy", "call_a"), ToolResult("seven", "call_b")),
    "two calls, results in disorder": (User("ulm"), TWO, ToolResult("seven", "call_b"), ToolResult("rainy", "call_a")),
    "two calls, one result": (User("ulm"), TWO, ToolResult("seven", "call_b"), User("danke")),
    "no result": (User("ulm"), TWO, User("danke")),
    "a call last": (User("ulm"), TWO),
    "a result that nobody asked for": (*asked('{"town": "aachen"}')[:3], ToolResult("snowy", "other"), User("danke")),
    "a result without any call": (User("ulm"), ToolResult("rainy", "call_9"), User("danke")),
    "a result first": (ToolResult("rainy", "call_9"), User("danke")),
    "calls in two turns": (
        *asked('{"town": "aachen"}')[:3],
        TWO,
        ToolResult("cloudy", "call_a"),
        ToolResult("x7", "call_b"),
    ),
    "one id twice": (*asked('{"town": "aachen"}'), *asked('{"town": "bonn"}')[1:3]),
    "a late result": (User("ulm"), TWO, ToolResult("rainy", "call_a"), User("danke"), ToolResult("seven", "call_b")),
    "an empty result": (User("ulm"), Assistant("", (call("c", "{}"),)), ToolResult("", "c"), User("danke")),
    "a result of JSON": (User("ulm"), Assistant("", (call("c", "{}"),)), ToolResult('{"sky": ["grey"]}', "c")),
    "a thought and a call": (
        User("ulm"),
        Assistant("", (call("c", '{"town": "aachen"}'),), "hmm"),
        ToolResult("dry", "c"),
    ),
    "an answer after a call": (*asked('{"town": "aachen"}')[:3], Assistant("umbrella"), User("danke")),
    "a call to a tool that is gone": (
        User("ulm"),
        Assistant("", (call("c", '{"a": "bcd"}', "gone"),)),
        ToolResult("dry", "c"),
    ),
    "an odd id": (User("ulm"), Assistant("", (call("", '{"town": "aachen"}'),)), ToolResult("dry", "")),
}
ARGUMENTS = {  # what the client sent -> words of it that must be shown
    '{"town": "aachen", "days": 17}': ("town", "aachen", "days", "17"),
    '{"town": {"of": ["aachen", "bonn", 3.5, null, true]}}': ("town", "aachen", "bonn", "3.5"),
    '{"town": "aach': ("town", "aach"),
    "{'town': 'aachen', 'days': None}": ("town", "aachen", "days"),
    '["aachen", 17]': ("aachen", "17"),
    "look at aachen": ("look at aachen",),
    "": (),
    "{}": (),
    "null": ("null",),
    "417": ("417",),
    '"aachen"': ("aachen",),
    '"{\\"town\\": \\"aachen\\"}"': ("town", "aachen"),
    '{"town": "aachen"}{"town": "bonn"}': ("aachen", "bonn"),
    '{"": "aachen"}': ("aachen",),
    '{"town": "zwei\\nzeilen"}': ("zwei", "zeilen"),
}
