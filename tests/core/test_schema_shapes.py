"""Objects spelled out as rules: the same language as the engine's own, with equal parts written once."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from vocabulary import accepts

from cortex.core.chat import Schema
from cortex.core.grammar import check
from cortex.core.lark import Lark
from cortex.core.shapes import shaped

S, INT = {"type": "string"}, {"type": "integer"}


def shut(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False, **more}


def grammar(schema: Schema) -> str:
    out = Lark({"<|x|>": 300})
    out.rule(shaped(out, schema, lenient=False), "start")
    return str(out)


THREE = {"a": INT, "b": S, "c": {"type": "boolean"}}
MEMBERS = {"a": '"a": 1', "b": '"b": "x"', "c": '"c": true'}
TEXTS = ["{" + ", ".join(some) + "}" for count in range(4) for some in combinations(MEMBERS.values(), count)]


@pytest.mark.parametrize("required", [some for count in range(4) for some in combinations("abc", count)], ids="".join)
def test_any_properties_may_be_required(required: tuple[str, ...]) -> None:
    schema = shut(THREE, *required)
    spelled, plain = grammar(schema), check(schema, strict=True)
    found = [accepts(spelled, text) for text in TEXTS]
    assert found == [accepts(plain, text) for text in TEXTS]
    assert sum(found) == 2 ** (3 - len(required))
    for text in ('{"b": "x", "a": 1}', '{"a": 1, "d": 2}', '{"a": "x"}', "{,}", '{"a": 1, }', '{"a":1}', "[]"):
        assert not accepts(spelled, text)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (shut({}), ["{}"], ['{"a": 1}']),
        (shut({"a": False, "b": INT}), ["{}", '{"b": 1}'], ['{"a": 1}']),
        (shut({"a": True}, "a"), ['{"a": [1, {"b": null}]}'], ["{}"]),
        (shut({"a": shut({"b": S}, "b")}, "a"), ['{"a": {"b": "x"}}'], ['{"a": {}}', '{"a": {"b": 1}}']),
        (shut({'q"\\\n\u00e9<|x|>': INT}), ['{"q\\"\\\\\\n\u00e9<|x|>": 1}'], ['{"q": 1}']),
        (
            shut({"a": {"$ref": "#/$defs/0"}}, "a", **{"$defs": {"0": shut({"b": {"$ref": "#/$defs/0"}})}}),
            ['{"a": {"b": {}}}', '{"a": {}}'],
            ['{"a": {"b": 1}}', '{"a": {"c": {}}}'],
        ),
        (shut({"a": INT}, "a", "b"), [], ['{"a": 1}']),
        ({"type": "object", "properties": {"a": INT}}, ['{"a": 1, "b": 2}'], ['{"a": "x"}']),
        ({"type": "object", "additionalProperties": False}, ["{}"], ['{"a": 1}']),
        ({"properties": {"a": INT}, "additionalProperties": False}, ["{}", "3"], ['{"b": 1}']),
        (shut({"a": INT, "b": INT}, minProperties=1), ['{"b": 1}'], ["{}"]),
        (INT, ["1"], ['"a"']),
    ],
)
def test_a_schema_means_what_it_means_to_the_engine(schema: dict[str, Any], good: list[str], bad: list[str]) -> None:
    if schema.get("required") == ["a", "b"]:
        assert grammar(schema).count("%json") == 1  # what cannot be satisfied is left to the engine to tell
        return
    for text in good:
        assert accepts(grammar(schema), text)
    for text in bad:
        assert not accepts(grammar(schema), text)


def test_equal_parts_are_one_rule() -> None:
    out = Lark({})
    names = {shaped(out, shut({f"key_{number}": S, "point": shut({"x": INT})}), lenient=False) for number in range(50)}
    assert len(names) == 50
    assert str(out).count("%json") == 2
