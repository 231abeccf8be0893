"""Schemas made enforceable: what the engine then accepts and refuses, and what is named as not enforced."""

from __future__ import annotations

import json
from typing import Any

import pytest
from vocabulary import accepts

from cortex.core.enforce import enforced
from cortex.core.grammar import check
from cortex.core.place import Nonsense
from cortex.core.pointer import joined
from cortex.core.schema import gaps

S, N, INT = {"type": "string"}, {"type": "number"}, {"type": "integer"}
A, B = {"properties": {"a": S}, "required": ["a"]}, {"properties": {"b": S}, "required": ["b"]}
TREE = {"type": "object", "properties": {"v": S, "kid": {"$ref": "#/$defs/T"}}, "required": ["v"]}

Values = list[Any]
CASES: list[tuple[str, Any, Values, Values]] = [  # title, schema, values to accept, values to refuse
    ("nothing said", {}, [1, "a", None, {"a": [True]}], []),
    ("annotations", {"title": "t", "x-y": 1, "default": 3, "deprecated": True}, [1, "a"], []),
    ("type", {"type": "string", "description": "d"}, ["a"], [1]),
    ("types", {"type": ["string", "null"], "maxLength": 1}, ["a", None], ["ab", 1]),
    ("nullable", {"type": "string", "nullable": True}, ["a", None], [1]),
    ("not nullable", {"type": "string", "nullable": False}, ["a"], [None]),
    ("enum", {"enum": ["a", 1, None, True, [1], {"b": 2}]}, ["a", 1, None, True, [1], {"b": 2}], ["b", 2, False]),
    ("enum of a type", {"type": "integer", "enum": ["a", 1, 2.0, 1.5, True, None]}, [1, 2], ["a", 1.5, True, None]),
    ("enum of objects", {"type": ["object", "array"], "enum": [{"a": 1}, [2], 3]}, [{"a": 1}, [2]], [3]),
    ("const", {"const": {"a": [1, "b"]}}, [{"a": [1, "b"]}], [{"a": [1]}, 1]),
    ("const and enum", {"const": 1, "enum": [1.0, True, 2]}, [1], [True, 2]),
    ("bounds", {"type": "integer", "minimum": 2, "exclusiveMaximum": 5}, [2, 4], [1, 5]),
    ("bounds of draft 4", {"minimum": 2, "exclusiveMinimum": True, "enum": [2, 3]}, [3], [2]),
    ("bounds of draft 4, off", {**INT, "maximum": 2, "exclusiveMaximum": False}, [2], [3]),
    ("a bound without a number", {**INT, "exclusiveMaximum": True}, [2], ["a"]),
    ("bounds of other types", {"minimum": 3}, [3, "a"], [2]),
    ("multiples", {**N, "multipleOf": 0.25}, [0.75, 3], [0.3]),
    ("multiples of tens", {**INT, "multipleOf": 1000000}, [3000000], [7]),
    ("lengths", {**S, "minLength": 2.0, "maxLength": 3}, ["ab", "abc"], ["a", "abcd"]),
    ("a length that the pattern has", {**S, "pattern": "^[a-f]{40}$", "minLength": 40}, ["a" * 40], ["a" * 39]),
    ("a pattern and a length", {**S, "pattern": "^a", "minLength": 3}, ["abc"], ["ab", "bcd"]),
    ("a pattern and a format", {**S, "pattern": "^2", "format": "date"}, ["2024-02-29"], ["1999-01-01", "2"]),
    ("a pattern and the engine's format", {**S, "pattern": "z$", "format": "email"}, ["a@b.z"], ["a@b.c", "z"]),
    ("formats that say nothing", {**S, "format": "password"}, ["a"], [1]),
    ("a format that is no text", {**S, "format": 3}, ["a"], [1]),
    ("a format of numbers", {**INT, "format": "int32"}, [1], ["a"]),
    ("items", {"type": "array", "items": INT, "minItems": 1, "maxItems": 2}, [[1], [1, 2]], [[], [1, 2, 3], ["a"]]),
    ("tuples", {"type": "array", "prefixItems": [INT, S], "items": False}, [[1, "a"], [1]], [["a"], [1, "a", 2]]),
    ("tuples of draft 7", {"type": "array", "items": [INT, S], "additionalItems": N}, [[1, "a", 2]], [[1, "a", "b"]]),
    ("unique items where there is one", {"type": "array", "uniqueItems": True, "maxItems": 1}, [[1]], [[1, 1]]),
    ("items that need not be there", {"type": "array", "contains": INT, "minContains": 0}, [["a"]], [1]),
    ("many items", {"type": "array", "items": INT, "maxItems": 1000000}, [[1, 2]], [["a"]]),
    ("long texts", {**S, "maxLength": 1000000}, ["a"], [1]),
    ("properties", {"type": "object", **A, "additionalProperties": False}, [{"a": "x"}], [{}, {"a": 1}, {"b": 1}]),
    ("open properties", {"type": "object", **A}, [{"a": "x", "b": 1}], [{"a": 1}, {"b": 1}]),
    ("other properties", {**A, "additionalProperties": INT}, [{"a": "x", "b": 1}, 3], [{"a": "x", "b": "y"}]),
    ("a map", {"type": "object", "additionalProperties": INT}, [{"x": 1, "y": 2}, {}], [{"x": "y"}]),
    (
        "keys like others",
        {"type": "object", "properties": {"": S, "ab": S}, "additionalProperties": INT},
        [{"a": 1}],
        [{"": 1}],
    ),
    (
        "a long key",
        {"type": "object", "properties": {"k" * 300: S}, "additionalProperties": INT},
        [{"a": 1}],
        [{"a": "b"}],
    ),
    ("a barred property", {"properties": {"a": False}, "type": "object"}, [{}, {"b": 1}], [{"a": 1}]),
    ("required and not listed", {"type": "object", "required": ["a"]}, [{"a": 1}], [{}]),
    (
        "required in draft 3",
        {"type": "object", "properties": {"a": {**S, "required": True}, "b": S}},
        [{"a": "x"}],
        [{}],
    ),
    (
        "patterns",
        {"type": "object", "patternProperties": {"^x": INT}, "additionalProperties": False},
        [{"xa": 1}],
        [{"a": 1}],
    ),
    (
        "patterns apart",
        {"type": "object", "patternProperties": {"^x": INT, "^yz*": S}, "additionalProperties": False},
        [{"xa": 1, "y": "a"}],
        [{"xa": "b"}, {"y": 1}],
    ),
    ("keys by pattern", {"type": "object", "propertyNames": {"pattern": "^a+$"}}, [{"aa": 1}, {}], [{"b": 1}]),
    (
        "keys by list",
        {"type": "object", "propertyNames": {"enum": ["a", "b.c"]}, "additionalProperties": INT},
        [{"b.c": 1}],
        [{"c": 1}],
    ),
    ("one key", {"type": "object", "propertyNames": {"const": "a"}}, [{"a": 1}], [{"b": 1}]),
    (
        "keys by length",
        {"type": "object", "propertyNames": {"minLength": 2, "maxLength": 3}},
        [{"ab": 1}],
        [{"a": 1}, {"abcd": 1}],
    ),
    ("keys, at least so long", {"type": "object", "propertyNames": {"minLength": 2}}, [{"abcdef": 1}], [{"a": 1}]),
    ("keys, all of them", {"type": "object", "propertyNames": {"type": "string"}}, [{"a": 1}], [1]),
    ("keys, any", {"type": "object", "propertyNames": True}, [{"a": 1}], [1]),
    (
        "no other keys by pattern",
        {"type": "object", "propertyNames": {"pattern": "a"}, "additionalProperties": False},
        [{}],
        [{"a": 1}],
    ),
    (
        "at least one",
        {"type": "object", "properties": {"a": INT, "b": INT}, "additionalProperties": False, "minProperties": 1},
        [{"b": 1}],
        [{}],
    ),
    (
        "at most one",
        {"type": "object", "properties": {"a": INT, "b": INT}, "additionalProperties": False, "maxProperties": 1},
        [{}, {"b": 1}],
        [{"a": 1, "b": 1}],
    ),
    (
        "counts of a map",
        {"type": "object", "minProperties": 1, "maxProperties": 2},
        [{"a": 1}],
        [{}, {"a": 1, "b": 2, "c": 3}],
    ),
    (
        "counts that hold anyway",
        {"type": "object", **A, "additionalProperties": False, "minProperties": 1, "maxProperties": 1},
        [{"a": "x"}],
        [{}],
    ),
    ("all of", {"allOf": [{"type": "object"}, A, B]}, [{"a": "x", "b": "y"}], [{"a": "x"}, {"b": "y"}, 3]),
    ("all of one", {"allOf": [INT]}, [1], ["a"]),
    ("all of anything", {"allOf": [True, {}]}, [1, "a"], []),
    ("all of nothing", {"type": "object", "properties": {"a": {"allOf": [False, INT]}}}, [{}], [{"a": 1}]),
    ("any of", {"anyOf": [INT, {"type": "null"}]}, [1, None], ["a"]),
    (
        "any of, with a type",
        {"type": ["integer", "null"], "anyOf": [{"minimum": 3}, {"type": "null"}]},
        [3, None],
        [2, "a", 4.5],
    ),
    (
        "any of, of some types",
        {"type": "integer", "anyOf": [{"type": "number"}, {"type": "string"}, True]},
        [3],
        [2.5, "a"],
    ),
    ("any of, of no type", {"type": "integer", "anyOf": [{"type": "string"}, {"maximum": 2}]}, [2], ["a", 3]),
    ("any of anything", {"anyOf": [INT, True]}, [1, "a"], []),
    ("any of, some barred", {"anyOf": [INT, False]}, [1], ["a"]),
    (
        "any of, beside others",
        {"type": "object", "properties": {"a": S, "b": S}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        [{"a": "x"}, {"b": "x"}],
        [{}, {"c": 1}],
    ),
    ("one of apart by type", {"oneOf": [INT, S]}, [1, "a"], [None]),
    ("one of apart by values", {"oneOf": [{"enum": ["a", 1]}, {"const": "b"}]}, ["a", "b"], ["c"]),
    (
        "one of apart by a property",
        {
            "oneOf": [
                {"type": "object", "properties": {"k": {"const": "a"}, "x": INT}, "required": ["k"]},
                {"type": "object", "properties": {"k": {"enum": ["b"]}}},
            ]
        },
        [{"k": "a", "x": 1}, {"k": "b"}],
        [{"k": "c"}, {"k": "a", "x": "y"}],
    ),
    ("one of one", {"oneOf": [INT]}, [1], ["a"]),
    ("one of, one barred", {"oneOf": [INT, False]}, [1], ["a"]),
    ("not a type", {"not": {"type": ["string", "null"]}}, [1, True, []], ["a", None]),
    ("not a property", {"type": "object", "not": {"required": ["a"]}}, [{}, {"b": 1}], [{"a": 1}]),
    ("not nothing", {"not": False}, [1, "a"], []),
    ("if without consequences", {"if": INT}, ["a"], []),
    (
        "dependent properties",
        {"type": "object", "dependentRequired": {"a": ["b"], "c": []}},
        [{}, {"b": 1}, {"b": 1, "a": 1}],
        [{"a": 1}],
    ),
    (
        "dependent schemas",
        {"type": "object", "properties": {"a": INT, "b": {}}, "dependentSchemas": {"a": B}},
        [{"b": 1}, {"a": 1, "b": "x"}],
        [{"a": 1}, {"a": 1, "b": 2}],
    ),
    (
        "dependencies",
        {"type": "object", "dependencies": {"a": ["b"], "x": False, "y": True}},
        [{"b": 1}],
        [{"a": 1}, {"x": 1}],
    ),
    ("a reference", {"$ref": "#/$defs/I", "$defs": {"I": INT}}, [1], ["a"]),
    ("a reference, escaped", {"$ref": "#/$defs/a~1%25b~0", "$defs": {"a/%b~": INT}}, [1], ["a"]),
    ("a reference with siblings", {"$ref": "#/$defs/I", "minimum": 3, "$defs": {"I": INT}}, [3], [2, "a"]),
    (
        "a reference with a type",
        {"type": "object", "$ref": "#/$defs/A", "$defs": {"A": {"type": "object", **A}}},
        [{"a": "x"}],
        [{}, 3],
    ),
    (
        "a reference elsewhere",
        {"type": "object", "properties": {"a": INT, "b": {"$ref": "#/properties/a"}}},
        [{"a": 1, "b": 2}],
        [{"b": "x"}],
    ),
    ("a reference to true", {"$ref": "#/$defs/T", "$defs": {"T": True}}, [1, "a"], []),
    ("a reference by anchor", {"$ref": "#here", "$defs": {"x": {"$anchor": "here", **INT}}}, [1], ["a"]),
    (
        "a reference by address",
        {
            "$id": "http://x.org/a/b",
            "items": {"$ref": "c#/$defs/d"},
            "$defs": {"z": {"$id": "c", "$defs": {"d": INT}}},
            "type": "array",
        },
        [[1]],
        [["a"]],
    ),
    ("a reference by old anchor", {"$ref": "#old", "definitions": {"x": {"id": "#old", **INT}}}, [1], ["a"]),
    (
        "no address beside a reference, in old drafts",
        {
            "definitions": {"i": INT, "x": {"$id": "http://y.org/", "$ref": "#/definitions/i"}},
            "$ref": "#/definitions/x",
        },
        [1],
        ["a"],
    ),
    ("a dynamic reference", {"$dynamicRef": "#d", "$defs": {"x": {"$dynamicAnchor": "d", **INT}}}, [1], ["a"]),
    ("names in values", {"enum": [{"$anchor": "a", "$ref": "#b"}]}, [{"$anchor": "a", "$ref": "#b"}], [1]),
    (
        "recursion",
        {"$ref": "#/$defs/T", "$defs": {"T": TREE}},
        [{"v": "a", "kid": {"v": "b"}}],
        [{"v": "a", "kid": {}}],
    ),
    (
        "recursion to the top",
        {"type": "object", "properties": {"v": S, "kid": {"$ref": "#"}}},
        [{"v": "a", "kid": {"v": "b"}}],
        [{"kid": {"v": 1}}],
    ),
    ("a draft-3 word alone", {"required": True, "minimum": 3}, [3, {}], [2]),
    (
        "a property like a keyword",
        {"type": "object", "properties": {"default": {"$ref": "#/properties/const"}, "const": INT}},
        [{"default": 1}],
        [{"default": "x"}],
    ),
    ("unevaluated, alone", {"type": "object", **A, "unevaluatedProperties": False}, [{"a": "x"}], [{"a": "x", "b": 1}]),
    (
        "unevaluated, merged",
        {"type": "object", "allOf": [A], "properties": {"c": INT}, "unevaluatedProperties": False},
        [{"a": "x", "c": 1}],
        [{"a": "x", "b": 1}],
    ),
    ("unevaluated, allowed", {"type": "object", **A, "unevaluatedProperties": True}, [{"a": "x", "b": 1}], [{}]),
    (
        "unevaluated where all is open",
        {"allOf": [{"additionalProperties": INT}], "type": "object", "unevaluatedProperties": False},
        [{"b": 1}],
        [{"b": "x"}],
    ),
    ("leap years", {**S, "format": "date"}, ["2024-02-29", "2000-02-29", "2023-02-28"], ["2023-02-29", "1900-02-29"]),
    ("leap seconds", {**S, "format": "time"}, ["23:59:60Z", "10:00:00.5+01:00"], ["22:59:60Z", "24:00:00Z", "10:00"]),
    ("moments", {**S, "format": "date-time"}, ["2024-02-29T10:00:00Z"], ["2023-02-29T10:00:00Z", "2024-02-29"]),
    (
        "IPv6",
        {**S, "format": "ipv6"},
        ["::", "::1", "1::", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1:2::3.4.5.6"],
        ["1:2:3:4:5:6:7", ":1", "1::2::3", "::1.2.3.256"],
    ),
    ("two patterns", {"allOf": [{"pattern": "^a"}, {"pattern": "b$"}], "type": "string"}, ["ab"], ["a", "b"]),
    ("a multiple, merged", {"allOf": [INT, {"multipleOf": 3}]}, [3], [4]),
]


@pytest.mark.parametrize(("schema", "good", "bad"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_enforced_is_enforced_word_by_word(schema: Any, good: Values, bad: Values) -> None:
    found = enforced(schema)
    assert found.gaps == ()
    grammar = check(found.schema, strict=True)
    for value in good:
        assert accepts(grammar, json.dumps(value, ensure_ascii=False)), value
    for value in bad:
        assert not accepts(grammar, json.dumps(value, ensure_ascii=False)), value


@pytest.mark.parametrize(
    ("base", "address", "meant"),
    [
        ("http://x.org/a/b", "c", "http://x.org/a/c"),
        ("http://x.org/a/b", "", "http://x.org/a/b"),
        ("http://x.org/a/b", "../c", "http://x.org/c"),
        ("http://x.org/a/b", "./c/", "http://x.org/a/c/"),
        ("http://x.org/a/", "b/c", "http://x.org/a/b/c"),
        ("http://x.org/a/b", "/c", "http://x.org/c"),
        ("http://x.org/a/b", "urn:c", "urn:c"),
        ("", "c.json", "c.json"),
        ("c.json", "d.json", "d.json"),
    ],
)
def test_addresses_are_meant_as_where_they_stand(base: str, address: str, meant: str) -> None:
    assert joined(base, address) == meant


def test_a_listed_key_does_not_pass_as_another_one_that_is_written_with_escapes() -> None:
    for rest in ({}, {"additionalProperties": True}, {"additionalProperties": INT}):
        grammar = check(enforced({"type": "object", "properties": {"a": S}, **rest}).schema, strict=True)
        assert accepts(grammar, '{"b": 5}')
        assert not accepts(grammar, r'{"\u0061": 5}')


def deep(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"p": schema}}


WEAKER: list[tuple[str, Any, list[str], Values]] = [  # title, schema, paths of the gaps, values that are accepted still
    ("large bounds", {**INT, "maximum": 1e300, "minimum": -(2**60)}, ["minimum", "maximum"], [5]),
    ("small bounds", {**N, "minimum": 1e-200}, ["minimum"], [5]),
    ("large values", {"enum": [2**60, "a"]}, ["enum"], [2**60, "a"]),
    ("large values within", {"const": [{"a": 2**60}]}, ["const"], [[{"a": 2**60}]]),
    ("large values beside others", {"enum": ["a"], "const": 2**60}, ["const"], [2**60]),
    ("long steps", {**N, "multipleOf": 0.123456789}, ["multipleOf"], [5]),
    ("two steps", {"allOf": [{**INT, "multipleOf": 3}, {"multipleOf": 5}]}, ["allOf.1.multipleOf"], [15]),
    ("look-ahead", {**S, "pattern": "(?!a)b"}, ["pattern"], ["b"]),
    ("an unknown format", {**S, "format": "json-pointer"}, ["format"], ["/a"]),
    ("a long least length", {**S, "pattern": "a", "minLength": 500}, ["minLength"], ["a" * 500]),
    (
        "three patterns",
        {**S, "allOf": [{"pattern": "a"}, {"pattern": "b"}, {"format": "email"}]},
        ["allOf.2.format"],
        ["ab@c.d"],
    ),
    ("unique items", {"type": "array", "uniqueItems": True}, ["uniqueItems"], [[1, 2]]),
    ("contains", {"type": "array", "contains": INT}, ["contains"], [["a", 1]]),
    (
        "contains at most",
        {"type": "array", "contains": INT, "minContains": 0, "maxContains": 1},
        ["contains"],
        [["a", 1]],
    ),
    ("conditions", {"if": INT, "then": {"minimum": 3}}, ["if"], [3, "a"]),
    ("not", {"not": {"minimum": 3}}, ["not"], [2]),
    ("not an integer", {"not": {"type": "integer"}}, ["not"], ["a", 1.5]),
    ("one of", {"oneOf": [{"minimum": 3}, INT]}, ["oneOf"], [1, "a", 3.5]),
    ("one of objects", {"oneOf": [A, B], "type": "object"}, ["oneOf"], [{"a": "x"}, {"b": "y"}]),
    (
        "one of references",
        {"oneOf": [{"$ref": "#/$defs/a"}, True], "$defs": {"a": {"$ref": "#/$defs/a"}}},
        ["oneOf"],
        [1],
    ),
    (
        "overlapping patterns",
        {"type": "object", "patternProperties": {"a": INT, "b": S}},
        ["patternProperties"],
        [{"xa": 1, "xb": "y", "c": 1}],
    ),
    (
        "overlapping patterns, closed",
        {"type": "object", "patternProperties": {"a": INT, "b": {}}, "additionalProperties": False},
        ["patternProperties"],
        [{"a": 1, "b": "y"}],
    ),
    (
        "patterns, closed, of one kind",
        {"type": "object", "patternProperties": {"a": INT, "ab": S, "c": False}, "additionalProperties": False},
        ["patternProperties"],
        [{"a": 1}],
    ),
    (
        "patterns, closed, of no kind",
        {"type": "object", "patternProperties": {"a": False, "ab|b": False}, "additionalProperties": False},
        ["patternProperties"],
        [{}],
    ),
    (
        "an unknown pattern of keys",
        {"type": "object", "patternProperties": {"(?=a)": INT}},
        ["patternProperties"],
        [{"a": 1}],
    ),
    (
        "patterns beside others",
        {"allOf": [{"patternProperties": {"^a": INT}}, {"type": "object", **B}]},
        ["allOf.0.patternProperties"],
        [{"b": "x", "a": 1}],
    ),
    (
        "patterns of open objects",
        {"type": "object", "patternProperties": {"^a": INT}},
        ["patternProperties"],
        [{"a": 1, "b": "c"}],
    ),
    (
        "keys beside properties",
        {"type": "object", **A, "propertyNames": {"pattern": "a"}},
        ["propertyNames"],
        [{"a": "x"}],
    ),
    (
        "keys by an unknown pattern",
        {"type": "object", "propertyNames": {"pattern": "(?=a)"}},
        ["propertyNames.pattern", "propertyNames"],
        [{"a": 1}],
    ),
    ("keys by a format", {"type": "object", "propertyNames": {"format": "email"}}, ["propertyNames"], [{"a@b.c": 1}]),
    ("no keys", {"type": "object", "propertyNames": False}, ["propertyNames"], [{}]),
    (
        "two of three",
        {"type": "object", "properties": {"a": INT, "b": INT, "c": INT}, "minProperties": 2, "maxProperties": 2},
        ["minProperties", "maxProperties"],
        [{"a": 1, "c": 1}],
    ),
    ("counts beside others", {"type": "object", "minProperties": 1, "allOf": [A]}, ["minProperties"], [{"a": "x"}]),
    ("unevaluated, a schema", {"type": "object", "unevaluatedProperties": INT}, ["unevaluatedProperties"], [{"a": 1}]),
    (
        "unevaluated within others",
        {"allOf": [{"unevaluatedProperties": False, "properties": {"a": INT}}, {"type": "object"}]},
        ["allOf.0.unevaluatedProperties"],
        [{"a": 1}],
    ),
    (
        "unevaluated with alternatives",
        {"type": "object", "anyOf": [A, B], "unevaluatedProperties": False},
        ["unevaluatedProperties"],
        [{"a": "x"}, {"b": "y"}],
    ),
    (
        "a remote reference",
        {"type": "object", "properties": {"a": {"$ref": "https://example.org/x.json"}}},
        ["properties.a.$ref"],
        [{"a": 1}],
    ),
    ("an unknown anchor", {"$ref": "#nowhere", **INT}, ["$ref"], [1]),
    ("a reference to nothing", {"$ref": "#/$defs/x/y"}, ["$ref"], [1]),
    (
        "an ambiguous dynamic reference",
        {"$dynamicRef": "#d", "$defs": {"a": {"$dynamicAnchor": "d"}, "b": {"$id": "b", "$dynamicAnchor": "d"}}},
        ["$dynamicRef"],
        [1],
    ),
    (
        "recursion with siblings",
        {
            "$ref": "#/$defs/T",
            "$defs": {"T": {"type": "object", "properties": {"kid": {"$ref": "#/$defs/T", "maxProperties": 9}}}},
        },
        ["$defs.T.properties.kid.maxProperties", "$defs.T.properties.kid.$ref"],
        [{}, {"kid": {"kid": {}}}],
    ),
    (
        "recursion beside others",
        {"$ref": "#/$defs/T", "required": ["kid"], "$defs": {"T": TREE}},
        ["$defs.T.properties.kid.$ref"],
        [{"v": "a", "kid": {"v": "b"}}],
    ),
    (
        "one of objects with a free key",
        {
            "oneOf": [
                {"type": "object", "properties": {"a": True}, "required": ["a"]},
                {"type": "object", "properties": {"a": INT}},
            ]
        },
        ["oneOf"],
        [{"a": 1}],
    ),
    (
        "two recursions",
        {
            "allOf": [{"$ref": "#/$defs/T"}, {"$ref": "#/$defs/U"}],
            "$defs": {"T": TREE, "U": {"type": "object", "properties": {"v": S, "kid": {"$ref": "#/$defs/U"}}}},
        },
        ["$defs.T.properties.kid.$ref", "$defs.U.properties.kid.$ref", "allOf.1.$ref"],
        [{"v": "a"}],
    ),
    (
        "too many alternatives",
        {
            "type": "object",
            "allOf": [
                {"anyOf": [{"properties": {f"{n}{m}": INT}, "required": [f"{n}{m}"]} for m in range(9)]}
                for n in range(3)
            ],
        },
        ["allOf.2"],
        [{"00": 1, "10": 1}],
    ),
    (
        "many dependencies",
        {"type": "object", "dependentRequired": {key: ["z"] for key in "abcd"}},
        ["dependentRequired.d"],
        [{"d": 1}],
    ),
    ("unevaluated items", {"type": "array", "unevaluatedItems": False}, ["unevaluatedItems"], [[1]]),
]


@pytest.mark.parametrize(("schema", "paths", "good"), [case[1:] for case in WEAKER], ids=[case[0] for case in WEAKER])
def test_what_is_not_enforced_is_named_and_nothing_valid_is_refused(
    schema: Any, paths: list[str], good: Values
) -> None:
    found = enforced(schema)
    assert [".".join(gap.path) for gap in found.gaps] == paths
    assert gaps(deep(schema) if "$ref" not in json.dumps(schema) else schema)
    grammar = check(found.schema, strict=True)
    for value in good:
        assert accepts(grammar, json.dumps(value, ensure_ascii=False)), value


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "nonsense"}, "type"),
        ({"type": []}, "type"),
        ({"type": [3]}, "type"),
        ({"type": 3}, "type"),
        ({"enum": 3}, "enum"),
        ({"enum": []}, "enum"),
        ({"minimum": "x"}, "minimum"),
        ({"maximum": True}, "maximum"),
        ({"multipleOf": 0}, "multipleOf"),
        ({"minLength": -1}, "minLength"),
        ({"maxLength": 1.5}, "maxLength"),
        ({"maxItems": float("inf")}, "maxItems"),
        ({"pattern": 3}, "pattern"),
        ({"pattern": "("}, "pattern"),
        ({"items": 3}, "items"),
        ({"prefixItems": {}}, "prefixItems"),
        ({"properties": 3}, "properties"),
        ({"properties": {"a": 3}}, "properties.a"),
        ({"required": "x"}, "required"),
        ({"required": [3]}, "required"),
        ({"patternProperties": {"(": True}}, "patternProperties"),
        ({"propertyNames": 3}, "propertyNames"),
        ({"allOf": {}}, "allOf"),
        ({"anyOf": 3}, "anyOf"),
        ({"anyOf": []}, "anyOf"),
        ({"type": "object", "anyOf": [{"type": "x"}]}, "anyOf.0.type"),
        ({"type": [["string"]]}, "type"),
        ({"type": [{}]}, "type"),
        ({"allOf": [{"type": [[]]}]}, "allOf.0.type"),
        ({"allOf": [{"type": 5}]}, "allOf.0.type"),
        ({"$ref": 3}, "$ref"),
        ({"dependentRequired": 3}, "dependentRequired"),
        ({"dependentRequired": {"a": [3]}}, "dependentRequired.a.required"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "x"}}}, "$defs.a.type"),
    ],
)
def test_what_means_nothing_is_told_with_its_path(schema: Any, path: str) -> None:
    with pytest.raises(Nonsense) as error:
        enforced(schema)
    assert ".".join(error.value.path) == path
    with pytest.raises(Nonsense) as error:
        enforced(deep(schema) if "$ref" not in schema else schema)
    assert ".".join(error.value.path).endswith(path)


def test_false_stays_false() -> None:
    for schema in ({"not": {}}, {"not": True}, {"allOf": [False]}, {"type": "string", "enum": [1]}, {"anyOf": [False]}):
        assert enforced(schema).schema == {"enum": []}
    too_short = {**S, "pattern": "abc", "maxLength": 2}
    assert enforced(too_short).schema == {"enum": []}
    assert enforced({"not": {"type": ["string", "number", "null", "boolean", "array", "object"]}}).schema == {
        "enum": []
    }


def test_what_was_made_of_the_same_schema_is_the_same_value_whatever_is_said_of_it() -> None:
    low, other = ({"enum": ["low"], "title": title, "description": title} for title in ("A", "B"))
    made = [enforced({"properties": {"a": low, "b": other}}).schema["properties"] for _ in range(2)]
    assert made[0]["a"] == {"enum": ["low"]}
    assert made[0]["a"] is made[0]["b"] is made[1]["a"]


def test_schemas_that_python_takes_for_equal_are_told_apart() -> None:
    properties = {"a": {"const": 1}, "b": {"const": True}, "c": {"const": 1.0}}
    assert repr(enforced({"properties": properties}).schema["properties"]) == repr(
        {key: {"enum": [value["const"]]} for key, value in properties.items()}
    )


def test_the_same_schema_is_closed_or_open_as_it_is_asked_for() -> None:
    items = {"type": "array", "items": {"type": "object", "properties": {"a": {}}}}
    found = [enforced({"properties": {"x": items}}, close=close).schema["properties"]["x"] for close in (True, False)]
    assert [made["items"]["additionalProperties"] for made in found] == [False, False]
    assert ["patternProperties" in made["items"] for made in found] == [False, True]


def test_what_is_said_beside_a_reference_does_not_change_where_it_leads() -> None:
    there = {"$id": "there", "type": "string"}
    schema = {"$id": "http://a.b/here", "properties": {"a": {"$ref": "there", "title": "A"}}, "$defs": {"there": there}}
    assert enforced(schema).gaps == ()


def test_gaps_are_named_wherever_the_same_schema_stands() -> None:
    odd = {"type": "array", "uniqueItems": True}
    assert [str(gap) for gap in gaps({"properties": {"a": odd, "b": odd}})] == [
        "properties.a.uniqueItems: not enforced",
        "properties.b.uniqueItems: not enforced",
    ]


@pytest.mark.parametrize("more", [{}, {"additionalProperties": False}, {"title": "T", "description": "D"}])
@pytest.mark.parametrize("required", [[], ["a"], ["b", "a", "b"], ["c"]])
def test_the_short_way_for_objects_gives_what_the_long_one_gives(required: list[str], more: dict[str, Any]) -> None:
    properties = {"a": {"type": "string"}, "b": {"enum": [1], "required": True}, "n": {"properties": {"x": {}}}}
    schema = {"type": "object", "properties": properties, "required": required, **more}
    assert enforced(schema, close=True) == enforced({**schema, "$comment": "takes the long one"}, close=True)
