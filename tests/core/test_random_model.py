"""A model that knows nothing picks uniformly among what the grammar allows: in no dialect and no mode can it make a
call that is wrong in form.

CORTEX_RANDOM_REPLIES is the number of replies in each mode, over all dialects (default: one a dialect).
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jsonschema
import pytest
from replies import DIALECTS, NOW, TAG, WEATHER, read
from vocabulary import Marked, Vocabulary, matcher

from cortex.core import grammar
from cortex.core.arguments.items import Items
from cortex.core.chat import Tool
from cortex.core.dialect import Dialect
from cortex.core.parse import Reading
from cortex.core.rules import Rules
from cortex.core.schema import arguments

REPLIES = int(os.environ.get("CORTEX_RANDOM_REPLIES", len(DIALECTS)))
ORDER = Tool(
    "place_order",
    "Order things",
    {
        "type": "object",
        "properties": {
            "id": {"type": ["string", "integer", "null"]},
            "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
            "note": {"type": "string", "minLength": 1, "maxLength": 8},
            "express": {"type": "boolean"},
            "rate": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
            "when": {"anyOf": [{"const": "now"}, {"type": "integer", "minimum": 2020}]},
            "lines": {
                "type": "array",
                "minItems": 1,
                "maxItems": 3,
                "items": {
                    "type": "object",
                    "properties": {"sku": {"enum": ["a b", 7, None]}, "gift": {"type": "boolean"}},
                    "required": ["sku"],
                },
            },
            "to": {"$ref": "#/$defs/place"},
        },
        "required": ["id", "express", "lines"],
        "$defs": {"place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
    },
)
FREE = Tool("remember", parameters={"type": "object", "additionalProperties": {"type": ["integer", "string"]}})
TOOLS = (ORDER, WEATHER, NOW, TAG, FREE)
ANSWER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
MODES: dict[str, Rules] = {
    "required": Rules(TOOLS, must=True),
    "one": Rules(TOOLS, must=True, parallel=False),
    "named": Rules((ORDER,), must=True, parallel=False),
    "thought": Rules(TOOLS, must=True, thought="may"),
    "open": Rules(TOOLS, must=True, thought="open"),
    "auto": Rules(TOOLS),
    "answer": Rules(TOOLS, schema=ANSWER),
    "none": Rules(TOOLS),
}


@dataclass
class Model:
    """Says something; `chance` is its only mind."""

    chance: random.Random
    limit: int = 2500

    def say(self, text: str, marked: Marked, begin: str, ends: Sequence[str]) -> str | None:
        """A reply under this grammar, which begins so if the grammar allows it; None if it finds no end. `ends` are
        what it likes to end things with: by chance alone it would never hit on them."""
        state, tokens, out = matcher(text, marked), Vocabulary(marked.names).tokens, bytearray()

        def hear(words: str) -> None:
            """Say as much of this as the grammar allows."""
            said = marked.encode(words)
            out.extend(b"".join(tokens[token] for token in said[: state.try_consume_tokens(said)]))

        hear(begin)
        while len(out) < self.limit:
            if self.chance.random() < 0.1:
                hear(self.chance.choice(ends))
            bias = state.compute_logit_bias()
            plain = [token for token in (*range(32, 127), 10, *range(256, len(tokens) - 1)) if bias[token]]
            allowed = plain or [byte for byte in range(128, 256) if bias[byte]]
            if bias[len(tokens) - 1] and (not allowed or self.chance.random() < 0.3):
                return out.decode()
            pick = self.pick(allowed)
            assert state.consume_token(pick)
            out += tokens[pick]
        return None

    def pick(self, allowed: list[int]) -> int:
        """Like any model, it would rather end what it has begun."""
        closing = [token for token in allowed if token > 255 or token in b"\"'}])<"]
        return self.chance.choice(closing if closing and self.chance.random() < 0.15 else allowed)


def ends_of(dialect: Dialect) -> list[str]:
    items = [each.arguments.parts[-1] for each in dialect.notations if isinstance(each.arguments, Items)]
    marks = [*items, *(each.end for each in dialect.notations), *(span.close for span in dialect.thought)]
    return list(filter(None, marks)) or ["}"]


def lead(dialect: Dialect, chance: random.Random) -> str:
    """What may lead a reply into a call: words, and the beginning of a call in one of the ways to write it."""
    written = chance.choice([*(each.write([("now", {})], (), "") for each in dialect.notations), '{"name": "', "[", ""])
    return chance.choice(["", "Well.\n"]) + written[: chance.randrange(len(written) + 1)]


@pytest.mark.parametrize("mode", MODES)
def test_the_random_model_cannot_make_a_malformed_call(mode: str) -> None:
    chance = random.Random(mode)
    model, rules, finished = Model(chance), MODES[mode], 0
    build: Callable[..., str] = grammar.silent if mode == "none" else grammar.build
    for number in range(REPLIES):
        dialect = DIALECTS[number % len(DIALECTS)]
        marked = chance.choice([Marked(), Marked.of(dialect)])
        begin = "" if rules.must else lead(dialect, chance)
        text = model.say(build(dialect, rules, marked.specials), marked, begin, ends_of(dialect))
        if text is None:
            continue
        finished += 1
        check(dialect, text, replace(rules, tools=()) if mode == "none" else rules)
    assert finished > REPLIES / 2


def check(dialect: Dialect, text: str, rules: Rules) -> None:
    """That a reply keeps to its rules."""
    schemas = {tool.name: arguments(tool) for tool in rules.tools}
    loose = rules.schema is None and not rules.must
    reply = read(dialect, [text], Reading(schemas, must=rules.must, loose=loose, thought=rules.thought))
    said = f"{dialect.name}: {text!r} -> {reply}"
    assert all(call.complete for call in reply.calls), said
    for call in reply.calls:
        assert call.name in schemas, said
        try:
            jsonschema.validate(json.loads(call.arguments), schemas[call.name])
        except (jsonschema.ValidationError, ValueError) as error:
            raise AssertionError(f"{error}\n{said}") from error
    assert not rules.must or (reply.calls and not reply.text), said
    assert rules.parallel or len(reply.calls) <= 1, said
    if rules.schema is not None and not reply.calls:
        jsonschema.validate(json.loads(reply.text), rules.schema)
